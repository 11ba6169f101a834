/**
 * What goes into the record batches of Kafka, measured before Kafka's own overhead and without counting on compression:
 * - a source message up to 7/8 of the largest batch. The row of a recording that was let in so fits into a derived batch: both have its
 *   text as a JSON text in JSON, and a row has little else.
 * - the rows of a derived batch up to 15/16. Its books and traces are some KiB.
 */
export function kafkaSizes({ messageBytesMax }: { readonly messageBytesMax: number }): {
  readonly sourceBytesMax: number
  readonly derivedBytesMax: number
} {
  return {
    sourceBytesMax: Math.floor((messageBytesMax * 7) / 8),
    derivedBytesMax: Math.floor((messageBytesMax * 15) / 16),
  }
}

/**
 * How many times its bytes an event may take as a row: its properties are JSON text in JSON text, in which quotes and backslashes double,
 * and `1e20` is a number of 21 digits.
 */
export const rowGrowthMax = 5
