/** Where named readers stand in a log that does not keep that itself. `log-readers.contract.ts` checks the promises. */
import type { Lane, Offsets } from '../../event/position.ts'

export interface LogReaders {
  /** Resolves once the reader's next offsets in these partitions are kept durably; what was kept of others in this lane stays. */
  save(reader: string, lane: Lane, offsets: ReadonlyMap<number, number>): Promise<void>
  /** What was saved last, 0 of partitions of which nothing was; undefined when nothing ever was. */
  load(reader: string, lane: Lane): Promise<Offsets | undefined>
}
