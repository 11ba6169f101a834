import { Type } from 'typebox'

/** A name that people read: no control characters, which no list can show and Postgres cannot keep. */
export function nameText(description: string) {
  return Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$', description })
}
