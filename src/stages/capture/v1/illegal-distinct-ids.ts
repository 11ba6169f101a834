/** Distinct ids that stand for nobody: what programs write when they know no user (capture spec §6). In lower case. */
const illegal: ReadonlySet<string> = new Set([
  '0',
  '00000000-0000-0000-0000-000000000000',
  '[object object]',
  'anonymous',
  'anonymous-user',
  'backend',
  'distinct_id',
  'distinctid',
  'email',
  'false',
  'guest',
  'id',
  'nan',
  'none',
  'not_authenticated',
  'null',
  'system',
  'true',
  'undefined',
  'user',
])
const lengthMax = 36

/** In any case; `distinctId` is trimmed. */
export function isIllegalDistinctId(distinctId: string): boolean {
  return distinctId.length <= lengthMax && illegal.has(distinctId.toLowerCase())
}
