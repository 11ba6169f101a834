/**
 * Frames that a reader of some lanes need not look into, told by head and entries alone: so that a second reader of a journal
 * costs little beside the first.
 *
 * The head has a checksum of its own; the entries are believed without one. Should they be damaged, then either the frame is not
 * passed over, and looked at like any other; or it is, although it held something that was wanted. Its records could not have
 * been read anyway: they are missing behind the reader as damaged ones always are, as a gap in the offsets, and the reader
 * that checks everything reports the damage.
 */
import { crc32 } from 'node:zlib'
import { entryBytes, frameBytesMax, frameHeadBytes, frameKinds, magic, payloadHeadBytes, verdicts } from './frame.ts'

/** Lanes by number: 1 for those that are wanted. */
export type WantedLanes = Uint8Array

/** Bytes of the frame at `at` when it holds nothing of the wanted lanes; 0 when it may, or when that cannot be told from here. */
export function bytesToPassOver(buffer: Buffer, at: number, salt: number, wanted: WantedLanes): number {
  const payloadAt = at + frameHeadBytes
  if (payloadAt + payloadHeadBytes > buffer.length || buffer.readUInt32LE(at) !== magic) return 0
  if (crc32(buffer.subarray(at, at + 12), salt) !== buffer.readUInt32LE(at + 12)) return 0
  const payloadBytes = buffer.readUInt32LE(at + 4)
  if (payloadBytes > frameBytesMax || buffer[payloadAt] !== frameKinds.records) return 0
  const entriesAt = payloadAt + payloadHeadBytes
  const entriesEnd = entriesAt + buffer.readUInt32LE(payloadAt + 4) * entryBytes
  if (entriesEnd > buffer.length || entriesEnd > payloadAt + payloadBytes) return 0
  for (let entry = entriesAt; entry < entriesEnd; entry += entryBytes) {
    if (wanted[buffer[entry] ?? 0] === 1 && buffer[entry + 1] !== verdicts.duplicate) return 0
  }
  return (frameHeadBytes + payloadBytes + 7) & ~7
}
