/** Pieces of the shapes of questions and answers that more than one question has. */
import { Type } from 'typebox'

/** One of some texts, as an `enum`, which documents and error messages show better than a union. */
export function oneOf<const T extends readonly string[]>(values: T, options: { readonly description?: string } = {}) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options })
}

/** A number or null in an answer: a union of schemas would be looked at value by value when the answer is written. */
export const NumberOrNull = Type.Unsafe<number | null>({ type: ['number', 'null'] })

export function textOrNull(description: string) {
  return Type.Unsafe<string | null>({ type: ['string', 'null'], description })
}

export function time(description: string) {
  return Type.String({ format: 'date-time', description })
}

export const From = time('Beginning of the period, inclusive. Not before 1970.')
export const To = time('End of the period, exclusive. Not after 2100.')
