import { Type } from 'typebox'
import type { Static } from 'typebox'
import { oneOf } from './schema-pieces.ts'

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
    description:
      'A condition on a property. Its text is the string itself, a number or boolean as in JSON, an object or list as JSON; missing, null and an empty string all count as not set, with an empty text.',
  },
)

export type PropertyFilter = Static<typeof PropertyFilter>

export const PropertyFilters = Type.Array(PropertyFilter, {
  maxItems: 50,
  description: 'Conditions that all have to hold.',
})
