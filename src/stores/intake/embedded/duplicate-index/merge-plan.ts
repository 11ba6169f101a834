/**
 * Which key files to merge next. Few files make a look-up cheap, few merges make an insertion cheap:
 *
 * - Neighbours are merged when together they hold `growthMin` times what the greatest of them holds, so each merge puts a
 *   key into a file six times as big, and a key is rewritten four times or so in its life.
 * - No merge makes a file that spans more than `spanMsMax` of log time, because a file is dropped whole. Neighbours that
 *   cannot grow further for that reason are merged at once if that nearly doubles the greatest.
 * - At `filesMax` files the cheapest merge is made, whatever it spans.
 */
export interface MergeCandidate {
  readonly keyCount: number
  readonly oldestTimeMs: number
  readonly newestTimeMs: number
  /** False when the file is damaged: it can be neither merged nor passed over. */
  readonly isMergeable: boolean
}

export interface MergeGroup {
  readonly from: number
  readonly to: number
  /** Keys to write, and a little for each file. */
  readonly cost: number
}

const growthMin = 6
const lastGrowthMin = 1.8
const inputsMax = 16
/** Makes a handful of almost empty files worth no merge. */
const fileCostKeys = 1000

/** The files `from` to `to` (inclusive) of `files`, which are in order of time; undefined when there is nothing to do. */
export function chooseMerge(
  files: readonly MergeCandidate[],
  limits: { readonly filesMax: number; readonly spanMsMax: number },
): MergeGroup | undefined {
  return (
    cheapestGroup(files, limits.spanMsMax, isWorthwhile) ??
    (files.length >= limits.filesMax ? cheapestGroup(files, Infinity, () => true) : undefined)
  )
}

type Judge = (group: { readonly growth: number; readonly isComplete: boolean }) => boolean

const isWorthwhile: Judge = ({ growth, isComplete }) => growth >= (isComplete ? lastGrowthMin : growthMin)

function cheapestGroup(files: readonly MergeCandidate[], spanMsMax: number, isWanted: Judge): MergeGroup | undefined {
  let best: MergeGroup | undefined
  for (let from = 0; from < files.length; from++) {
    let cost = 0
    let greatest = 0
    let oldestTimeMs = Infinity
    let newestTimeMs = -Infinity
    for (let to = from; to < Math.min(files.length, from + inputsMax); to++) {
      const file = files[to]
      if (file?.isMergeable !== true) break
      oldestTimeMs = Math.min(oldestTimeMs, file.oldestTimeMs)
      newestTimeMs = Math.max(newestTimeMs, file.newestTimeMs)
      if (newestTimeMs - oldestTimeMs > spanMsMax) break
      cost += file.keyCount + fileCostKeys
      greatest = Math.max(greatest, file.keyCount + fileCostKeys)
      const exceeds = (other: MergeCandidate | undefined) =>
        other !== undefined &&
        Math.max(newestTimeMs, other.newestTimeMs) - Math.min(oldestTimeMs, other.oldestTimeMs) > spanMsMax
      const isComplete = exceeds(files[to + 1]) && (from === 0 || exceeds(files[from - 1]))
      if (to > from && isWanted({ growth: cost / greatest, isComplete }) && (best === undefined || cost < best.cost))
        best = { from, to, cost }
    }
  }
  return best
}
