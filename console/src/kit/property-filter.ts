/**
 * Words used here:
 * - filter: one condition on a property of an event, as the API takes it.
 * - draft: a filter as it stands in the editor; it may still lack its property or its value.
 * - whole: a draft that can be asked. Drafts that are not whole are left out of questions, not refused.
 */
export type FilterOperator =
  | 'exact'
  | 'is_not'
  | 'icontains'
  | 'not_icontains'
  | 'regex'
  | 'not_regex'
  | 'gt'
  | 'gte'
  | 'lt'
  | 'lte'
  | 'is_set'
  | 'is_not_set'

export interface PropertyFilter {
  property: string
  operator: FilterOperator
  value?: string | number | boolean | (string | number)[]
}

/** The values are text until the question is asked; only `exact` and `is_not` take more than one. */
export interface FilterDraft {
  readonly property: string
  readonly operator: FilterOperator
  readonly values: readonly string[]
}

export const FILTERS_MAX = 20
const VALUES_MAX = 50
const PROPERTY_CHARS_MAX = 200
const VALUE_CHARS_MAX = 1_000

export const OPERATOR_WORDS: Readonly<Record<FilterOperator, string>> = {
  exact: 'is',
  is_not: 'is not',
  icontains: 'contains',
  not_icontains: 'does not contain',
  regex: 'matches regex',
  not_regex: 'does not match regex',
  gt: '> more than',
  gte: '≥ at least',
  lt: '< less than',
  lte: '≤ at most',
  is_set: 'is set',
  is_not_set: 'is not set',
}

export const EMPTY_FILTER: FilterDraft = { property: '', operator: 'exact', values: [] }

export function isFilterOperator(value: unknown): value is FilterOperator {
  return typeof value === 'string' && Object.hasOwn(OPERATOR_WORDS, value)
}

/** How the value is typed: not at all, as a list of texts, as one text, or as a number. */
export function valueKindOf(operator: FilterOperator): 'none' | 'list' | 'text' | 'number' {
  switch (operator) {
    case 'is_set':
    case 'is_not_set':
      return 'none'
    case 'exact':
    case 'is_not':
      return 'list'
    case 'icontains':
    case 'not_icontains':
    case 'regex':
    case 'not_regex':
      return 'text'
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return 'number'
  }
}

/** The filter as it is asked; undefined when the draft is not whole yet. */
export function filterFrom(draft: FilterDraft): PropertyFilter | undefined {
  const property = draft.property.trim()
  if (property === '') return undefined
  const kind = valueKindOf(draft.operator)
  if (kind === 'none') return { property, operator: draft.operator }
  const values = draft.values.filter((value) => value !== '')
  const [first] = values
  if (first === undefined) return undefined
  if (kind === 'list') return { property, operator: draft.operator, value: values.length === 1 ? first : [...values] }
  if (kind === 'text') return { property, operator: draft.operator, value: first }
  const number = Number(first)
  return first.trim() === '' || !Number.isFinite(number)
    ? undefined
    : { property, operator: draft.operator, value: number }
}

export function filtersFrom(drafts: readonly FilterDraft[]): PropertyFilter[] {
  return drafts.flatMap((draft) => filterFrom(draft) ?? [])
}

/** Reads a filter of the API, of a link or of a saved insight. Undefined for what is none. */
export function filterDraftFrom(raw: unknown): FilterDraft | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined
  const property = 'property' in raw && typeof raw.property === 'string' ? raw.property : ''
  const operator = 'operator' in raw && isFilterOperator(raw.operator) ? raw.operator : 'exact'
  if (property === '' || property.length > PROPERTY_CHARS_MAX) return undefined
  return { property, operator, values: valuesFrom('value' in raw ? raw.value : undefined) }
}

export function filterDraftsFrom(raw: unknown): FilterDraft[] {
  if (!Array.isArray(raw)) return []
  return raw.slice(0, FILTERS_MAX).flatMap((entry: unknown) => filterDraftFrom(entry) ?? [])
}

/** What goes into a link: drafts with a property, also when their value is still missing. */
export function filterLinkFrom(drafts: readonly FilterDraft[]): PropertyFilter[] {
  return drafts
    .filter((draft) => draft.property !== '')
    .map((draft) => ({
      property: draft.property,
      operator: draft.operator,
      ...(draft.values.length === 0 ? {} : { value: [...draft.values] }),
    }))
}

/** Keeps what the new operator can take of the values. */
export function withOperator(draft: FilterDraft, operator: FilterOperator): FilterDraft {
  const kind = valueKindOf(operator)
  if (kind === 'none') return { ...draft, operator, values: [] }
  return { ...draft, operator, values: kind === 'list' ? draft.values : draft.values.slice(0, 1) }
}

function valuesFrom(raw: unknown): string[] {
  const list: unknown[] = Array.isArray(raw) ? raw : [raw]
  return list
    .filter((value) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    .map((value) => String(value).slice(0, VALUE_CHARS_MAX))
    .slice(0, VALUES_MAX)
}
