/**
 * One setting: its documentation, its default and the parser that refuses everything else. The constructors below are
 * the kinds; `config.ts` lists the settings. Text from the environment and values from the file go through the same
 * parser, so that both are bounded alike.
 */
import { resolve } from 'node:path'

export interface Setting<T> {
  /** Own name in the environment; without one it is made from the path: `intake.queueBytesMax` → `SLUICE_INTAKE_QUEUE_BYTES_MAX`. */
  readonly env: string | undefined
  readonly doc: string
  readonly default: T
  readonly defaultText: string
  /** Completes "it must be …". */
  readonly shape: string
  /** A secret's value is never shown. */
  readonly secret: boolean
  /** Whether a change of it acts while Sluice runs (`sluice reload`); any other needs a restart. */
  readonly reloads: boolean
  parse(raw: RawValue, base: string): Parsed<T>
}

/** A scalar of the file, or text of the environment. */
export type RawValue = string | number | boolean

/** `complaint` completes "<name> is <value>, which …". */
export type Parsed<T> =
  { readonly kind: 'value'; readonly value: T } | { readonly kind: 'bad'; readonly complaint: string }

interface Common {
  readonly doc: string
  readonly env?: string
  readonly reloads?: true
}

interface Bounded extends Common {
  readonly default: number
  readonly min: number
  readonly max: number
}

/** A number with a unit suffix: factors of the smallest unit, which is also what a bare number counts. */
type Units = Readonly<Record<string, number>>

const listSeparator = /\s*,\s*/
const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const secondMs = 1000
export const minuteMs = 60 * secondMs
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

const byteUnits: Units = { GiB, MiB, KiB, B: 1 }
const timeUnits: Units = { d: dayMs, h: hourMs, min: minuteMs, s: secondMs, ms: 1 }

export function integer(options: Bounded): Setting<number> {
  return {
    ...common(options),
    default: options.default,
    defaultText: String(options.default),
    shape: `a whole number from ${String(options.min)} to ${String(options.max)}`,
    secret: false,
    parse: (raw) => within(options, wholeNumber(raw)),
  }
}

/** A count of bytes: `1048576`, `1 MiB`. */
export function bytes(options: Bounded): Setting<number> {
  return quantity(options, byteUnits, 'a size in bytes')
}

/** A span of time in milliseconds: `1500`, `30 s`, `24 h`. */
export function milliseconds(options: Bounded): Setting<number> {
  return quantity(options, timeUnits, 'a time in milliseconds')
}

export function text(
  options: Common & {
    readonly default: string
    readonly shape: string
    readonly complaintAbout: (value: string) => string | undefined
  },
): Setting<string> {
  return {
    ...common(options),
    default: options.default,
    defaultText: options.default === '' ? 'none' : options.default,
    shape: options.shape,
    secret: false,
    parse(raw) {
      const value = String(raw)
      const complaint = options.complaintAbout(value)
      return complaint === undefined ? good(value) : bad(complaint)
    },
  }
}

export function choice<const T extends string>(
  options: Common & { readonly default: T; readonly choices: readonly T[] },
): Setting<T> {
  return {
    ...common(options),
    default: options.default,
    defaultText: options.default,
    shape: `one of ${options.choices.join(', ')}`,
    secret: false,
    parse(raw) {
      const found = options.choices.find((known) => known === raw)
      return found === undefined ? bad('is not known') : good(found)
    },
  }
}

/** Several texts: a list in the file, or one text with commas between them. "none" is the empty list. */
export function list(
  options: Common & {
    readonly default: readonly string[]
    readonly shape: string
    readonly complaintAbout: (value: string) => string | undefined
  },
): Setting<readonly string[]> {
  return {
    ...common(options),
    default: options.default,
    defaultText: options.default.length === 0 ? 'none' : options.default.join(', '),
    shape: options.shape,
    secret: false,
    parse(raw) {
      const values = String(raw) === 'none' ? [] : String(raw).split(listSeparator)
      const complaint = values.map(options.complaintAbout).find((one) => one !== undefined)
      return complaint === undefined ? good(Object.freeze(values)) : bad(complaint)
    },
  }
}

/** A TCP port, or undefined for "off". */
export function portOrOff(
  options: Common & { readonly default: number | undefined; readonly min: number },
): Setting<number | undefined> {
  const bounds = { min: options.min, max: 65_535 }
  return {
    ...common(options),
    default: options.default,
    defaultText: options.default === undefined ? 'off' : String(options.default),
    shape: `a whole number from ${String(bounds.min)} to ${String(bounds.max)}, or off`,
    secret: false,
    // YAML reads a bare `off` as text; older readers of it make `false` of it.
    parse: (raw) => (raw === 'off' || raw === false ? good(undefined) : within(bounds, wholeNumber(raw))),
  }
}

/** Optional path: none until it is given. */
export function optionalPath(options: Common): Setting<string | undefined> {
  const given = path({ ...options, default: '' })
  return {
    ...common(options),
    default: undefined,
    defaultText: 'none',
    shape: 'a path',
    secret: false,
    parse: (raw, base) => given.parse(raw, base),
  }
}

/** A path; a relative one counts from the folder of the file that says it, in the environment from the working directory. */
export function path(options: Common & { readonly default: string }): Setting<string> {
  return {
    ...common(options),
    default: options.default,
    defaultText: options.default,
    shape: 'a path',
    secret: false,
    parse: (raw, base) =>
      typeof raw === 'string' && raw !== '' && !raw.includes('\0') ? good(resolve(base, raw)) : bad('is not a path'),
  }
}

/** Optional text that no message, log line or help page shows. */
export function secret(
  options: Common & { readonly shape: string; readonly defaultText: string; readonly pattern: RegExp },
): Setting<string | undefined> {
  return {
    ...common(options),
    default: undefined,
    defaultText: options.defaultText,
    shape: options.shape,
    secret: true,
    parse: (raw) => (typeof raw === 'string' && options.pattern.test(raw) ? good(raw) : bad('does not look like one')),
  }
}

/** `1048576` → `1 MiB`, `1500` → `1500 ms`: the largest unit that divides it. */
function quantityText(value: number, units: Units): string {
  const [name, factor] = Object.entries(units).find(([, size]) => value !== 0 && value % size === 0) ?? ['', 1]
  return `${String(value / factor)} ${name}`.trim()
}

function quantity(options: Bounded, units: Units, noun: string): Setting<number> {
  return {
    ...common(options),
    default: options.default,
    defaultText: quantityText(options.default, units),
    shape: `${noun} (units: ${Object.keys(units).join(', ')}) from ${quantityText(options.min, units)} to ${quantityText(options.max, units)}`,
    secret: false,
    parse(raw) {
      const match = typeof raw === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(raw) : null
      if (match === null) return within(options, wholeNumber(raw))
      const [, digits = '', unit = ''] = match
      const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
      if (factor === undefined) return bad(`has the unknown unit "${unit}"`)
      const value = Number(digits) * factor
      return Number.isSafeInteger(value) ? within(options, value) : bad('is no whole number of the smallest unit')
    },
  }
}

/** Undefined for whatever is not exactly a whole number in decimal digits. */
function wholeNumber(raw: RawValue): number | undefined {
  const value = typeof raw === 'string' && /^\s*-?\d+\s*$/.test(raw) ? Number(raw) : raw
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
}

function within(bounds: { readonly min: number; readonly max: number }, value: number | undefined): Parsed<number> {
  if (value === undefined) return bad('is not a whole number')
  if (value < bounds.min) return bad('is too small')
  return value > bounds.max ? bad('is too large') : good(value)
}

function common(options: Common) {
  return { env: options.env, doc: options.doc, reloads: options.reloads ?? false }
}

function good<T>(value: T): Parsed<T> {
  return { kind: 'value', value }
}

function bad<T>(complaint: string): Parsed<T> {
  return { kind: 'bad', complaint }
}
