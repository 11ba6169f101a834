/**
 * The newest rows of a project, numbered from 1 on, for readers that come back. Rows are copied: a part of a derived batch
 * would keep all of it, and other projects' rows, in memory.
 *
 * Words:
 * - page: the rows that one commit of ingestion brought, as they are; goes as a whole when the ring is full.
 */
import { RowLines } from '../../stores/warehouse/row-lines.ts'

export interface RingLimits {
  readonly rowsMax: number
  readonly bytesMax: number
}

interface Page {
  readonly rows: Buffer
  /** Number of its first row. */
  readonly first: number
}

export class ReplayRing {
  #pages: Page[] = []
  #bytes = 0
  /** Number of the last row that was added. */
  #last = 0
  /** And of the last one that was copied. */
  #sealed = 0
  /** Runs of rows that were added since the last seal, by where they are. */
  #added: { readonly from: Buffer; readonly start: number; end: number }[] = []

  /** Takes the present row, in whose buffer nothing may change until `seal`. Returns its number. */
  add(lines: RowLines): number {
    const newest = this.#added.at(-1)
    if (newest?.from === lines.rows && newest.end === lines.start) newest.end = lines.end + 1
    else this.#added.push({ from: lines.rows, start: lines.start, end: lines.end + 1 })
    return ++this.#last
  }

  /** Copies what was added and lets go of the oldest pages beyond the limits. */
  seal({ rowsMax, bytesMax }: RingLimits): void {
    const bytes = this.#added.reduce((sum, { start, end }) => sum + end - start, 0)
    const first = this.#sealed + 1
    // Not from Node's pool, of which a page would keep pieces that are not its own.
    const rows = Buffer.allocUnsafeSlow(bytes)
    let at = 0
    for (const { from, start, end } of this.#added) at += from.copy(rows, at, start, end)
    this.#added = []
    this.#sealed = this.#last
    if (bytes > 0) this.#pages.push({ rows, first })
    this.#bytes += bytes
    let gone = 0
    for (const page of this.#pages) {
      const isSmallEnough = this.#bytes <= bytesMax && this.#last - page.first < rowsMax
      if (isSmallEnough) break
      this.#bytes -= page.rows.length
      gone++
    }
    if (gone > 0) this.#pages.splice(0, gone)
  }

  get last(): number {
    return this.#last
  }

  /** Number of the oldest row that is kept; one more than the last when there is none. */
  get first(): number {
    return this.#pages[0]?.first ?? this.#sealed + 1
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Calls `visit` for each kept and sealed row after the number. */
  after(number: number, visit: (lines: RowLines, number: number) => void): void {
    for (const [index, page] of this.#pages.entries()) {
      if ((this.#pages[index + 1]?.first ?? this.#sealed + 1) - 1 <= number) continue
      const lines = new RowLines(page.rows)
      for (let at = page.first; lines.next(); at++) if (at > number) visit(lines, at)
    }
  }
}
