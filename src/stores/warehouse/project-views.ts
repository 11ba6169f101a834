import { Failure } from '../../kit/failure.ts'
import { engineMessageOf, isRefusedUnread } from './engine-error.ts'
import type { EngineLink } from './engine-link.ts'
import type { Layout } from './layout.ts'
import { projectDatabaseName, projectViewStatements } from './project-view.ts'
import type { PropertyColumns } from './property-columns.ts'
import { readPropertyColumns } from './read-property-columns.ts'

const columnsKeptMs = 1000

/** The views that this process has made, and which property columns they have. */
export class ProjectViews {
  readonly #link: EngineLink
  readonly #layout: Layout
  readonly #views = new Map<number, Promise<string>>()
  #columns: { readonly read: Promise<PropertyColumns>; readonly atMs: number } | undefined
  /** How many property columns the views have. */
  #columnsOfViews = 0

  constructor(link: EngineLink, layout: Layout) {
    this.#link = link
    this.#layout = layout
  }

  columns(): Promise<PropertyColumns> {
    const nowMs = performance.now()
    if (this.#columns === undefined || nowMs - this.#columns.atMs > columnsKeptMs) {
      const read = this.#readColumns()
      this.#columns = { read, atMs: nowMs }
      read.catch(() => (this.#columns = undefined))
    }
    return this.#columns.read
  }

  async #readColumns(): Promise<PropertyColumns> {
    try {
      return await readPropertyColumns(this.#link, this.#layout)
    } catch (cause) {
      throw new Failure('SLUICE_QUERY_FAILED', `The columns could not be read: ${engineMessageOf(cause)}`, {
        retryable: !isRefusedUnread(cause),
        cause,
      })
    }
  }

  async database(projectId: number): Promise<string> {
    if (!Number.isSafeInteger(projectId) || projectId <= 0) {
      throw new Failure('SLUICE_QUERY_REFUSED', `There is no view for project ${String(projectId)}.`)
    }
    const columns = await this.columns()
    // Columns are only ever added: the same number means the same ones.
    if (columns.size > this.#columnsOfViews) {
      this.#views.clear()
      this.#columnsOfViews = columns.size
    }
    const known = this.#views.get(projectId)
    if (known !== undefined) return known
    const made = this.#makeView(projectId, columns)
    this.#views.set(projectId, made)
    made.catch(() => this.#views.delete(projectId))
    return made
  }

  async #makeView(projectId: number, columns: PropertyColumns): Promise<string> {
    try {
      for (const statement of projectViewStatements(this.#layout, projectId, columns)) {
        await this.#link.command(statement)
      }
      return projectDatabaseName(this.#layout, projectId)
    } catch (cause) {
      throw new Failure('SLUICE_QUERY_FAILED', `The view could not be made: ${engineMessageOf(cause)}`, {
        retryable: !isRefusedUnread(cause),
        cause,
      })
    }
  }

  /** Resolves when nothing is being read or made. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#columns?.read, ...this.#views.values()])
  }
}
