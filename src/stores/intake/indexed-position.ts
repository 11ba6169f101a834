import { Failure } from '../../kit/failure.ts'

/** Where the first copy of an event stands. */
export interface IndexedPosition {
  /** Lane number as in `lanes`, 0 to `laneMax`. */
  readonly lane: number
  /** 0 to `partitionMax`. */
  readonly partition: number
  /** 0 to `offsetMax`. */
  readonly offset: number
}

export const laneMax = 62
export const partitionMax = 1023
export const offsetMax = 2 ** 48 - 1

const twoTo32 = 2 ** 32

/**
 * The upper word of the packed form: 6 bits lane + 1, 10 bits partition, 16 bits of the offset. It is never 0, so a
 * zero word can mean "empty" wherever positions are kept.
 */
export function highWordOf(position: IndexedPosition): number {
  const { lane, partition, offset } = position
  if (!(
    lane >= 0 &&
    lane <= laneMax &&
    partition >= 0 &&
    partition <= partitionMax &&
    offset >= 0 &&
    offset <= offsetMax
  ))
    throw new Failure(
      'SLUICE_DUPLICATE_INDEX_POSITION',
      `Lane ${String(lane)}, partition ${String(partition)}, offset ${String(offset)} does not fit the duplicate index.`,
    )
  return ((lane + 1) << 26) | (partition << 16) | Math.floor(offset / twoTo32)
}

/** The lower word: the rest of the offset. */
export function lowWordOf(position: IndexedPosition): number {
  return position.offset | 0
}

export function positionFrom(highWord: number, lowWord: number): IndexedPosition {
  return {
    lane: (highWord >>> 26) - 1,
    partition: (highWord >>> 16) & partitionMax,
    offset: (highWord & 0xffff) * twoTo32 + (lowWord >>> 0),
  }
}
