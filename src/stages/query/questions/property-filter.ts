import { Type } from 'typebox'
import type { Static } from 'typebox'
import { senseless } from './refused-question.ts'
import { oneOf } from './schema-pieces.ts'
import type { Statement } from './statement.ts'

export const PropertyName = Type.String({ minLength: 1, maxLength: 200, description: 'Name of a property of events.' })

export const PropertyFilter = Type.Object(
  {
    property: PropertyName,
    operator: oneOf(
      [
        'exact',
        'is_not',
        'icontains',
        'not_icontains',
        'regex',
        'not_regex',
        'gt',
        'gte',
        'lt',
        'lte',
        'is_set',
        'is_not_set',
      ],
      {
        description:
          'exact and is_not compare texts, gt to lte numbers (what is no number never matches); is_not, not_icontains and not_regex match events without the property too.',
      },
    ),
    value: Type.Optional(
      Type.Unsafe<string | number | boolean | (string | number)[]>({
        anyOf: [
          { type: 'string', maxLength: 10_000 },
          { type: 'number' },
          { type: 'boolean' },
          { type: 'array', minItems: 1, maxItems: 1000, items: { anyOf: [{ type: 'string' }, { type: 'number' }] } },
        ],
        description: 'What to compare with. A list, for exact and is_not alone, means any of them and none of them.',
      }),
    ),
  },
  {
    additionalProperties: false,
    title: 'PropertyFilter',
    description:
      'A condition on a property. Its text is the string itself, a number or boolean as in JSON, an object or list as JSON; missing, null and an empty string all count as not set, with an empty text.',
  },
)

export type PropertyFilter = Static<typeof PropertyFilter>

export const PropertyFilters = Type.Array(PropertyFilter, {
  maxItems: 50,
  description: 'Conditions that all have to hold.',
})

/** A condition for each filter. `field` is where the filters stand in the question, for what is refused. */
export function filterConditions(
  statement: Statement,
  filters: readonly PropertyFilter[] | undefined,
  field: string,
): readonly string[] {
  return (filters ?? []).map((filter, at) => filterCondition(statement, filter, `${field}.${String(at)}.value`))
}

function filterCondition(statement: Statement, { property, operator, value }: PropertyFilter, field: string): string {
  const text = statement.text(property)
  switch (operator) {
    case 'is_set':
      return `${text} != ''`
    case 'is_not_set':
      return `${text} = ''`
    case 'exact':
      return `${text} IN ${statement.bind(textsFrom(value, field), 'Array(String)')}`
    case 'is_not':
      return `${text} NOT IN ${statement.bind(textsFrom(value, field), 'Array(String)')}`
    case 'icontains':
      return `positionCaseInsensitiveUTF8(${text}, ${statement.bind(textFrom(value, field), 'String')}) > 0`
    case 'not_icontains':
      return `positionCaseInsensitiveUTF8(${text}, ${statement.bind(textFrom(value, field), 'String')}) = 0`
    case 'regex':
      return `match(${text}, ${statement.bind(textFrom(value, field), 'String')})`
    case 'not_regex':
      return `NOT match(${text}, ${statement.bind(textFrom(value, field), 'String')})`
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      // NULL, of what is no number, would spread through a condition.
      return `ifNull(${statement.number(property)} ${comparisons[operator]} ${statement.bind(numberFrom(value, field), 'Float64')}, 0)`
  }
}

const comparisons = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

function textsFrom(value: PropertyFilter['value'], field: string): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [textFrom(value, field)]
}

function textFrom(value: PropertyFilter['value'], field: string): string {
  if (value === undefined) throw senseless(field, 'This operator needs a value.')
  if (Array.isArray(value)) throw senseless(field, 'Only exact and is_not take a list.')
  return String(value)
}

function numberFrom(value: PropertyFilter['value'], field: string): number {
  const text = textFrom(value, field)
  const number = text.trim() === '' ? NaN : Number(text)
  if (!Number.isFinite(number)) throw senseless(field, 'This operator compares numbers, and the value is none.')
  return number
}
