/**
 * How the body of a request is written into the journal (C13, ADR 0018). As it was sent, where that is gzip and the body is long
 * enough for reading it back to cost little an event, or holds large values; as zstd where it holds large values; else as it is.
 */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdCompressSync } from 'node:zlib'
import type { BodyEncoding } from '../../log/segments/frame.ts'
import type { IntakeRequest } from '../intake.ts'

export interface KeptBody {
  readonly bytes: Buffer
  readonly encoding: BodyEncoding
}

/** Opening a decompressor costs as much as inflating some kilobytes, so short bodies are kept as they are. */
const sentBodyBytesMin = 8 * 1024
/** Longer bodies are compressed by the thread pool. */
const atOnceBytesMax = 64 * 1024
const options = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
const compressInPool = promisify<Buffer, typeof options, Buffer>(zstdCompress)

type Written = Pick<IntakeRequest, 'body' | 'sentBody' | 'hasLargeValues'>

/** At once unless it takes long. */
export function keptBody({ body, sentBody, hasLargeValues }: Written): KeptBody | Promise<KeptBody> {
  const plain: KeptBody = { bytes: body, encoding: 'plain' }
  if (sentBody !== undefined && (body.length >= sentBodyBytesMin || hasLargeValues === true)) {
    return smaller(plain, { bytes: sentBody.bytes, encoding: sentBody.encoding })
  }
  if (hasLargeValues !== true) return plain
  if (body.length <= atOnceBytesMax) return smaller(plain, { bytes: zstdCompressSync(body, options), encoding: 'zstd' })
  return compressInPool(body, options).then((bytes) => smaller(plain, { bytes, encoding: 'zstd' }))
}

/** What saves less than a tenth is not worth reading back. */
function smaller(plain: KeptBody, packed: KeptBody): KeptBody {
  return packed.bytes.length < plain.bytes.length * 0.9 ? packed : plain
}
