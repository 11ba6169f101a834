/**
 * Properties that are asked for often have columns of their own beside `properties`, so that a question needs not read all
 * JSON. A column holds the text of its property (`propertyText`), and a question with it answers the same as without.
 */
import { createHash } from 'node:crypto'
import { sqlName, sqlString } from './sql-text.ts'

/** From a property's name to its column's in the view `events` and in the table. */
export type PropertyColumns = ReadonlyMap<string, string>

/**
 * SQL for the text of a property in the view `events`: a string itself, a number or boolean its JSON text, an object or array
 * its JSON; missing, null and '' give ''. The one way to read a property: it takes the column where there is one.
 */
export function propertyText(property: string, columns: PropertyColumns): string {
  const column = columns.get(property)
  return column === undefined ? propertyExpression(property) : sqlName(column)
}

/**
 * The engine reads no document at all that holds half of a surrogate pair (a text that was cut inside an emoji) or an integer
 * beyond 64 bits. Such a one is searched as text, where a key of an inner object may be found as well. The name
 * is looked for first, because it is far cheaper than reading the document once more to see whether it can be read.
 */
export function propertyExpression(property: string): string {
  const key = sqlString(property)
  const quoted = JSON.stringify(property)
  const textKey = sqlString(quoted.slice(1, -1))
  const read = `JSONExtractString(properties, ${key})`
  const found = `simpleJSONExtractRaw(properties, ${textKey})`
  const searched = `multiIf(${found} = 'null', '', startsWith(${found}, '"'), simpleJSONExtractString(properties, ${textKey}), ${found})`
  return `if(${read} != '' OR position(properties, ${sqlString(quoted)}) = 0 OR isValidJSON(properties), ${read}, ${searched})`
}

/** Readable, a plain name in SQL, and another one for each property. */
export function propertyColumnName(property: string): string {
  const readable = property
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, 40)
  const hash = createHash('sha256').update(property).digest('hex').slice(0, 10)
  return readable === '' ? `property_${hash}` : `property_${readable}_${hash}`
}
