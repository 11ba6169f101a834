import { codeOf, messageOf } from '../../kit/failure.ts'
import type { InternalEvent } from '../../kit/telemetry/telemetry.ts'
import type { Maintenance } from '../../stores/warehouse/warehouse.ts'

export const columnAdded = (property: string, elapsedMs: number): InternalEvent => ({
  emit(to) {
    to.count('query_property_columns_added_total')
    to.log('info', 'A property that made a question slow gets a column of its own.', { property, elapsedMs })
  },
})

export const columnsFull = (property: string): InternalEvent => ({
  emit(to) {
    to.log('info', 'A property made a question slow, but as many properties have columns as may have.', { property })
  },
})

export const columnFailed = (property: string, error: unknown): InternalEvent => ({
  emit(to) {
    to.log('warn', 'A property could not be given a column; a slow question tries again.', {
      property,
      reason: messageOf(error),
      code: codeOf(error),
    })
  },
})

export const maintained = (piece: Maintenance, durationMs: number): InternalEvent => ({
  emit(to) {
    if (piece.kind === 'none') return
    to.count('query_maintenance_total', 1, { kind: piece.kind })
    if (piece.kind === 'filling') {
      const { month, properties } = piece
      to.log('info', 'Columns of properties are being filled in older rows.', { month, properties })
    } else {
      const { month, rows } = piece
      to.log('info', 'Parts that held the same days were merged.', { month, rows, durationMs })
    }
  },
})
