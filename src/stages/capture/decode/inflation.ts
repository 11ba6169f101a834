/** The compressions that clients use, and what a compressed body may become. */
import * as zlib from 'node:zlib'

/** `zlib` and `deflate`: what HTTP calls deflate comes with a wrapper and without. */
export type Compression = 'gzip' | 'zlib' | 'deflate' | 'br' | 'zstd'

export type Inflate = (
  body: Uint8Array,
  bound: { readonly maxOutputLength: number; readonly chunkSize?: number },
) => Buffer

/** Each throws `ERR_BUFFER_TOO_LARGE` for what is longer than `maxOutputLength`, and other errors for what is broken. */
export const inflateBy: Readonly<Record<Compression, Inflate>> = {
  gzip: zlib.gunzipSync,
  zlib: zlib.inflateSync,
  deflate: zlib.inflateRawSync,
  br: zlib.brotliDecompressSync,
  zstd: zlib.zstdDecompressSync,
}

/** Larger than this on the wire or inflated, a body is inflated by the inflation thread. */
export const atOnceWireBytesMax = 64 * 1024
export const atOnceInflatedBytesMax = 1024 * 1024

/**
 * JSON of events shrinks to a tenth or a fiftieth; what shrinks to less than a hundredth was made to keep a thread busy for as long
 * as the largest body that one may send.
 */
const ratioMax = 100
/** Short texts of one word over and over are nobody's attack. */
const anyRatioBytesMax = 16 * 1024 * 1024

export function inflatedBytesFor({ length }: Buffer, bytesMax: number): number {
  return Math.min(bytesMax, Math.max(anyRatioBytesMax, length * ratioMax))
}
