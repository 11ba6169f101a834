import type { QuestionLimits } from '../../stores/warehouse/warehouse-reader.ts'

/** What one question of a user may take, whoever wrote its SQL. */
export interface QuestionBounds {
  readonly timeMsMax: number
  readonly memoryBytesMax: number
  readonly rowsMax: number
  readonly resultBytesMax?: number
}

const resultBytesDefault = 64 * 1024 ** 2

export function questionLimits(bounds: QuestionBounds): QuestionLimits {
  return {
    timeMs: bounds.timeMsMax,
    memoryBytes: bounds.memoryBytesMax,
    rowsMax: bounds.rowsMax,
    resultBytesMax: bounds.resultBytesMax ?? resultBytesDefault,
  }
}
