import type { LogReaders } from '../log-readers.ts'

/** Readers in memory, for tests of logs: keeps every promise but the one about durability. */
export function createMemoryLogReaders(): LogReaders {
  const kept = new Map<string, number[]>()
  return {
    save(reader, lane, offsets) {
      const key = `${lane} ${reader}`
      const own = kept.get(key) ?? []
      for (const [partition, offset] of offsets) {
        while (own.length <= partition) own.push(0)
        own[partition] = offset
      }
      if (own.length > 0) kept.set(key, own)
      return Promise.resolve()
    },
    load: (reader, lane) => Promise.resolve(kept.get(`${lane} ${reader}`)?.slice()),
  }
}
