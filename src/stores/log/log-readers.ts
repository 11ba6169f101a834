/** Where named readers stand in a log that does not keep that itself. `log-readers.contract.ts` checks the promises. */
import type { Lane, Offsets } from '../../event/position.ts'

export interface LogReaders {
  /** Resolves once the reader's next offsets are kept durably, in place of what was kept of it in this lane. */
  save(reader: string, lane: Lane, offsets: Offsets): Promise<void>
  /** What was saved last; undefined when nothing ever was. */
  load(reader: string, lane: Lane): Promise<Offsets | undefined>
}
