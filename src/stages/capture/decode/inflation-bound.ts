/**
 * What a compressed body may become. JSON of events shrinks to a tenth or a fiftieth; what shrinks to less than a hundredth was made to
 * keep a thread busy for as long as the largest body that one may send.
 */
const ratioMax = 100
/** Short texts of one word over and over are nobody's attack. */
const anyRatioBytesMax = 16 * 1024 * 1024

export function inflatedBytesFor({ length }: Buffer, bytesMax: number): number {
  return Math.min(bytesMax, Math.max(anyRatioBytesMax, length * ratioMax))
}
