/** The `options` of a v1 event (capture spec §15.2), as what they add to its properties. */

export interface V1Options {
  /** Members for the end of the properties object, each with a comma before it, UTF-8 as latin1; empty when there are none. */
  readonly added: string
  readonly isCookieless: boolean
}

const none: V1Options = { added: '', isCookieless: false }
const keptMax = 256
const keptLengthMax = 256

/** One that reads each text once: the same few options come with nearly every event. Undefined: they are not valid. */
export function createOptionsReader(): (json: string) => V1Options | undefined {
  const kept = new Map<string, V1Options | undefined>()
  return function readOptions(json) {
    if (json === '{}') return none
    if (json.length > keptLengthMax) return optionsFrom(json)
    const known = kept.get(json)
    if (known !== undefined || kept.has(json)) return known
    const options = optionsFrom(json)
    if (kept.size >= keptMax) kept.clear()
    kept.set(json, options)
    return options
  }
}

/** `json`: valid JSON, UTF-8 as latin1. */
function optionsFrom(json: string): V1Options | undefined {
  const options: unknown = JSON.parse(Buffer.from(json, 'latin1').toString())
  if (options === null) return none
  if (typeof options !== 'object' || Array.isArray(options)) return undefined
  const given = new Map(Object.entries(options))
  const cookieless = booleanFrom(given.get('cookieless_mode'))
  const uncorrected = booleanFrom(given.get('disable_skew_correction'))
  const profile = booleanFrom(given.get('process_person_profile'))
  const tour = tourIdFrom(given.get('product_tour_id'))
  if (cookieless === null || uncorrected === null || profile === null || tour === null) return undefined
  const added =
    member('$cookieless_mode', cookieless) +
    member('$ignore_sent_at', uncorrected) +
    member('$product_tour_id', tour) +
    member('$process_person_profile', profile)
  return { added, isCookieless: cookieless === true }
}

function member(key: string, value: string | boolean | undefined): string {
  return value === undefined ? '' : `,"${key}":${Buffer.from(JSON.stringify(value)).toString('latin1')}`
}

/** Undefined when it is not given, null when it is nothing that means yes or no. */
function booleanFrom(value: unknown): boolean | undefined | null {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value !== 'string') return null
  const text = value.trim().toLowerCase()
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : null
}

function tourIdFrom(value: unknown): string | undefined | null {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value.toWellFormed()
  return typeof value === 'number' && Number.isInteger(value) ? String(value) : null
}
