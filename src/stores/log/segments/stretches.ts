/** What each segment of a journal holds and how far it may be read, for a search: one look at all heads. */
import { laneNumber } from '../../../event/position.ts'
import type { Lane } from '../../../event/position.ts'
import type { Files } from '../../../kit/files.ts'
import { publishedOf } from './journal-reader.ts'
import { listSegments, readSegmentHead } from './segment-files.ts'
import type { Published, SegmentHead, SegmentName } from './segment-files.ts'

/** One segment as a search sees it. */
export interface Stretch {
  readonly path: string
  readonly salt: number
  /** Undefined where the head is damaged. */
  readonly incarnation: number | undefined
  readonly fromByte: number
  readonly endByte: number
  /** Log time of the first and the last frame that may be in it. */
  readonly fromMs: number
  readonly toMs: number
  /** By lane number, by partition: the offsets that may be in it, `ends` exclusive. */
  readonly begins: readonly (readonly number[])[]
  readonly ends: readonly (readonly number[])[]
}

interface Looked {
  readonly name: SegmentName
  readonly head: SegmentHead | undefined
  readonly headBytes: number
  readonly sizeBytes: number
}

/** Oldest first. A segment that retention takes away meanwhile is left out. */
export async function stretchesOf(files: Files, folder: string): Promise<readonly Stretch[]> {
  const published = await publishedOf(files, folder)
  const looked: Looked[] = []
  for (const name of await listSegments(files, folder).catch(() => [])) {
    const one = await look(files, folder, name).catch(() => undefined)
    if (one !== undefined) looked.push(one)
  }
  const stretches: Stretch[] = []
  let known: SegmentHead['state'] | undefined
  for (const [at, { name, head, headBytes, sizeBytes }] of looked.entries()) {
    const later = looked.slice(at + 1).find((one) => one.head !== undefined)?.head
    const end = later?.state ?? published?.state
    const begin = head?.state ?? known
    known = begin
    stretches.push({
      path: `${folder}/${name.file}`,
      salt: name.salt,
      incarnation: head?.incarnation,
      fromByte: headBytes,
      endByte: readableBytes(name, headBytes, sizeBytes, later, published),
      fromMs: head?.createdMs ?? begin?.timeMs ?? 0,
      toMs: end?.timeMs ?? Number.MAX_SAFE_INTEGER,
      begins: begin?.next ?? [],
      ends: end?.next ?? [],
    })
  }
  return stretches
}

async function look(files: Files, folder: string, name: SegmentName): Promise<Looked> {
  const file = await files.open(`${folder}/${name.file}`, 'read')
  try {
    const found = await readSegmentHead(file, name.salt)
    return { name, head: found?.head, headBytes: found?.bytes ?? 0, sizeBytes: await file.sizeBytes() }
  } finally {
    await file.close()
  }
}

/** Never past the synced end; of a sealed segment as far as the head behind it says that it is good. */
function readableBytes(
  { sequence }: SegmentName,
  headBytes: number,
  sizeBytes: number,
  later: SegmentHead | undefined,
  published: Published | undefined,
): number {
  if (published?.sequence === sequence) return published.bytes
  if (published === undefined || published.sequence < sequence) return headBytes
  return later?.previous?.sequence === sequence ? later.previous.bytes : sizeBytes
}

/** Whether the stretch may hold an offset of the partition. */
export function mayHold(stretch: Stretch, lane: Lane, partition: number, offset: number): boolean {
  const number = laneNumber(lane)
  const begin = stretch.begins[number]?.[partition] ?? 0
  const end = stretch.ends[number]?.[partition] ?? Number.MAX_SAFE_INTEGER
  return begin <= offset && offset < end
}

/** Whether the stretch may hold any record of the lane. */
export function mayHoldAny(stretch: Stretch, lane: Lane): boolean {
  const number = laneNumber(lane)
  const begins = stretch.begins[number]
  const ends = stretch.ends[number]
  if (begins === undefined || ends === undefined) return true
  return ends.some((end, partition) => end > (begins[partition] ?? 0))
}
