import { Failure } from '../../../kit/failure.ts'

/** A question of the right shape that still makes no sense or asks for too much; `field` says where, like `series.0.property`. */
export class RefusedQuestion extends Failure {
  readonly field: string
  /** Without the field. */
  readonly reason: string

  constructor(field: string, reason: string, code: 'SLUICE_QUERY_REFUSED' | 'SLUICE_QUERY_TOO_LARGE') {
    super(code, `${field}: ${reason}`)
    this.field = field
    this.reason = reason
  }
}

export function senseless(field: string, message: string): RefusedQuestion {
  return new RefusedQuestion(field, message, 'SLUICE_QUERY_REFUSED')
}

export function tooMuch(field: string, message: string): RefusedQuestion {
  return new RefusedQuestion(field, message, 'SLUICE_QUERY_TOO_LARGE')
}
