/** A search through what a test put there, for tests of stages. */
import type { Decision, DoorEntry, LogSearch, Place, Searched } from '../log-search.ts'

export interface MemorySearched {
  /** Oldest first. */
  readonly entries?: readonly DoorEntry[]
  /** Oldest first. */
  readonly decisions?: readonly Decision[]
  readonly searched?: Searched
}

export function createMemorySearch(held: MemorySearched): LogSearch {
  const { entries = [], decisions = [] } = held
  const searched = held.searched ?? { fromMs: 0, throughMs: 0, complete: true }
  const isAt = (places: readonly Place[], { lane, partition, offset }: Place): boolean =>
    places.some((place) => place.lane === lane && place.partition === partition && place.offset === offset)
  const found = <T>(items: readonly T[]) => Promise.resolve({ items, searched })
  return {
    entriesOf: (uuid) => found(entries.filter((entry) => entry.uuid === uuid)),
    entriesAt: (places) =>
      found(entries.filter((entry) => entry.verdict !== 'duplicate' && isAt(places, entry.position))),
    refused: (limit, tokens) =>
      found(
        entries
          .filter(({ verdict, token }) => verdict === 'refused' && (tokens?.includes(token) ?? true))
          .toReversed()
          .slice(0, limit),
      ),
    decisionsAt: (places) => found(decisions.filter(({ place }) => isAt(places, place))),
    parked: (limit) =>
      found(
        decisions
          .filter(({ exception }) => exception?.kind === 'dead_letter')
          .toReversed()
          .slice(0, limit),
      ),
    close: () => Promise.resolve(),
  }
}
