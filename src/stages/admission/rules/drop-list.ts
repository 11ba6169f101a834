/**
 * The operator's list of events that are dropped in silence, whatever their project says: `token:id1,id2;token2:*` (capture spec
 * §11.7). A token alone means all of its events.
 */

export interface DropList {
  /** What is dropped of a token; undefined: nothing. */
  of(token: string): DroppedIds | undefined
}

export type DroppedIds = { has(distinctId: string): boolean }

const everybody: DroppedIds = { has: () => true }

export function createDropList(text: string): DropList {
  const byToken = new Map<string, DroppedIds>()
  for (const entry of entriesOf(text)) {
    const { token, ids } = readEntry(entry)
    const known = byToken.get(token)
    if (ids.includes('*')) byToken.set(token, everybody)
    else if (known instanceof Set) for (const id of ids) known.add(id)
    else if (known === undefined) byToken.set(token, new Set(ids))
  }
  return { of: (token) => byToken.get(token) }
}

/** Completes "… is <text>, which". */
export function dropListComplaint(text: string): string | undefined {
  for (const entry of entriesOf(text)) {
    const { token, ids } = readEntry(entry)
    if (token === '') return `has no token in "${entry}"`
    if (ids.length === 0) return `names nobody in "${entry}"`
  }
  return undefined
}

function entriesOf(text: string): readonly string[] {
  return text
    .split(';')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** A token has no colon, but a distinct id may. */
function readEntry(entry: string): { readonly token: string; readonly ids: readonly string[] } {
  const colon = entry.indexOf(':')
  if (colon < 0) return { token: entry, ids: ['*'] }
  const ids = entry.slice(colon + 1).split(',')
  return { token: entry.slice(0, colon).trim(), ids: ids.map((id) => id.trim()).filter((id) => id !== '') }
}
