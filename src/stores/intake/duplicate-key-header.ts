/** Duplicate keys as bytes, and as the header `duplicate_key` of records: 32 hexadecimal digits, by which a partition's owner finds copies. */
import type { DuplicateKey } from './intake.ts'

const written = Buffer.alloc(16)

/** Until the next call. */
export function duplicateKeyBytes([a, b, c, d]: DuplicateKey): Buffer {
  written.writeUInt32BE(a, 0)
  written.writeUInt32BE(b, 4)
  written.writeUInt32BE(c, 8)
  written.writeUInt32BE(d, 12)
  return written
}

export function duplicateKeyHeader(key: DuplicateKey): string {
  return duplicateKeyBytes(key).toString('hex')
}

const read = Buffer.alloc(16)

/** Undefined for what is no such header. */
export function duplicateKeyFrom(header: string): DuplicateKey | undefined {
  if (header.length !== 32 || read.write(header, 'hex') !== 16) return undefined
  return [read.readUInt32BE(0), read.readUInt32BE(4), read.readUInt32BE(8), read.readUInt32BE(12)]
}
