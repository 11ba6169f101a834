/** Questions that were asked in this browser, newest first, each once; at most `historyMax` a project. */
export interface AskedQuestion {
  readonly query: string
  readonly at: string
}

export const historyMax = 100
/** Longer ones are asked but not kept: the browser gives a site some five million characters in all. */
const queryCharactersMax = 20_000

/** What of `localStorage` is needed. */
interface Shelf {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

export function historyFrom(shelf: Shelf, projectId: number): readonly AskedQuestion[] {
  try {
    const kept: unknown = JSON.parse(shelf.getItem(keyOf(projectId)) ?? '[]')
    return Array.isArray(kept) ? kept.filter(isAsked).slice(0, historyMax) : []
  } catch {
    // Written by something else, or storage is switched off.
    return []
  }
}

export function remembered(history: readonly AskedQuestion[], asked: AskedQuestion): readonly AskedQuestion[] {
  if (asked.query.trim() === '' || asked.query.length > queryCharactersMax) return history
  return [asked, ...history.filter(({ query }) => query !== asked.query)].slice(0, historyMax)
}

export function keepHistory(shelf: Shelf, projectId: number, history: readonly AskedQuestion[]): void {
  try {
    if (history.length === 0) shelf.removeItem(keyOf(projectId))
    else shelf.setItem(keyOf(projectId), JSON.stringify(history))
  } catch {
    // Full or switched off: the history lives as long as the page.
  }
}

function keyOf(projectId: number): string {
  return `sluice-sql-history-${String(projectId)}`
}

function isAsked(value: unknown): value is AskedQuestion {
  if (typeof value !== 'object' || value === null) return false
  const { query, at } = value as { query?: unknown; at?: unknown }
  return typeof query === 'string' && typeof at === 'string'
}
