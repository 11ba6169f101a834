/**
 * From a table of settings, a file and an environment to one frozen object, or to everything that is wrong with them.
 * The environment wins over the file, the file over the default. An empty variable counts as not set.
 */
import { dirname } from 'node:path'
import { distance } from 'fastest-levenshtein'
import { parseDocument } from 'yaml'
import type { RawValue, Setting } from './setting.ts'

export interface Section {
  readonly doc: string
  /** Whether all of its settings do; see `Setting.reloads`. */
  readonly reloads?: true
  readonly settings: Readonly<Record<string, Setting<unknown>>>
}

export type Sections = Readonly<Record<string, Section>>

export type ValuesOf<S extends Sections> = {
  readonly [K in keyof S]: {
    readonly [N in keyof S[K]['settings']]: S[K]['settings'][N] extends Setting<infer T> ? T : never
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

export interface SettingsFile {
  readonly path: string
  readonly text: string
}

export interface Sources {
  readonly environment: Environment
  readonly file: SettingsFile | undefined
  /** What relative paths of the environment and of defaults count from. */
  readonly workingFolder: string
}

/** A setting with the names that it goes by. */
export interface NamedSetting {
  readonly section: string
  readonly name: string
  /** As in the file: `intake.queueBytesMax`. */
  readonly path: string
  readonly env: string
  readonly reloads: boolean
  readonly setting: Setting<unknown>
}

/** One given value: where it stands, and what relative paths in it count from. */
interface Given {
  readonly raw: RawValue
  readonly place: string
  readonly base: string
}

/** Names the settings of a table, in its order. */
export function nameSettings(sections: Sections): readonly NamedSetting[] {
  return Object.entries(sections).flatMap(([section, { settings, reloads = false }]) =>
    Object.entries(settings).map(([name, setting]) => {
      const path = `${section}.${name}`
      const env = setting.env ?? environmentName(path)
      return { section, name, path, env, reloads: reloads || setting.reloads, setting }
    }),
  )
}

/** Adds to `problems` whatever is wrong; the values are of use only when nothing was added. */
export function readSettings<S extends Sections>(sections: S, sources: Sources, problems: string[]): ValuesOf<S> {
  const named = nameSettings(sections)
  const fromFile = sources.file === undefined ? new Map<string, Given>() : givenInFile(named, sources.file, problems)
  const fromEnvironment = givenInEnvironment(named, sources)

  const values: Record<string, Record<string, unknown>> = {}
  for (const { section, name, path, env, setting } of named) {
    const given = fromEnvironment.get(path) ?? fromFile.get(path)
    const target = (values[section] ??= {})
    if (given === undefined) {
      target[name] = defaultOf(setting, sources.workingFolder)
      continue
    }
    const parsed = setting.parse(given.raw, given.base)
    if (parsed.kind === 'value') {
      target[name] = parsed.value
      continue
    }
    const shown = setting.secret ? 'a value that is not shown here' : JSON.stringify(given.raw)
    const names = given.place === env ? `${env} (${path})` : `${given.place}: ${path}`
    problems.push(
      `${names} is ${shown}, which ${parsed.complaint}: it must be ${setting.shape}. ` +
        `Change it, or remove it for the default (${setting.defaultText}).`,
    )
  }
  for (const section of Object.values(values)) Object.freeze(section)
  // The loop above gave every section and every setting of the table a value of its own parser.
  return Object.freeze(values) as unknown as ValuesOf<S>
}

/** The known name that is fewest edits away. */
export function nearestName(name: string, known: readonly string[]): string {
  const lower = name.toLowerCase()
  const ranked = known.map((candidate) => ({ candidate, edits: distance(lower, candidate.toLowerCase()) }))
  return ranked.reduce((best, next) => (next.edits < best.edits ? next : best)).candidate
}

function environmentName(path: string): string {
  return `SLUICE_${path.replaceAll(/[.]|(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase()}`
}

/** A default that is a relative path counts from the working directory, as if it had been written there. */
function defaultOf(setting: Setting<unknown>, base: string): unknown {
  if (typeof setting.default !== 'string') return setting.default
  const parsed = setting.parse(setting.default, base)
  return parsed.kind === 'value' ? parsed.value : setting.default
}

function givenInEnvironment(named: readonly NamedSetting[], sources: Sources): Map<string, Given> {
  const given = new Map<string, Given>()
  for (const { path, env } of named) {
    const raw = sources.environment[env]
    if (raw !== undefined && raw !== '') given.set(path, { raw, place: env, base: sources.workingFolder })
  }
  return given
}

function givenInFile(named: readonly NamedSetting[], file: SettingsFile, problems: string[]): Map<string, Given> {
  const given = new Map<string, Given>()
  const document = parseDocument(file.text)
  if (document.errors.length > 0) {
    for (const error of document.errors) problems.push(`${file.path} cannot be read: ${error.message.trim()}`)
    return given
  }
  const paths = named.map(({ path }) => path)
  const sectionNames = [...new Set(named.map(({ section }) => section))]
  for (const [section, content] of entriesOf(document.toJS({ maxAliasCount: 100 }), file.path, problems)) {
    if (!sectionNames.includes(section)) {
      problems.push(`${file.path}: ${section} is not a section. Did you mean ${nearestName(section, sectionNames)}?`)
      continue
    }
    for (const [name, raw] of entriesOf(content, `${file.path}: ${section}`, problems)) {
      const path = `${section}.${name}`
      if (!paths.includes(path)) {
        problems.push(`${file.path}: ${path} is not a setting. Did you mean ${nearestName(path, paths)}?`)
      } else if (typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean') {
        given.set(path, { raw, place: file.path, base: dirname(file.path) })
      } else if (Array.isArray(raw) && isList(named, path)) {
        given.set(path, { raw: raw.length === 0 ? 'none' : raw.join(','), place: file.path, base: dirname(file.path) })
      } else if (raw !== null) {
        problems.push(`${file.path}: ${path} must be one value, not a list or a group of them.`)
      }
    }
  }
  return given
}

function isList(named: readonly NamedSetting[], path: string): boolean {
  return named.some((one) => one.path === path && Array.isArray(one.setting.default))
}

/** Nothing at all is an empty group: a file or section with every line commented out is fine. */
function entriesOf(value: unknown, place: string, problems: string[]): readonly (readonly [string, unknown])[] {
  if (value === null || value === undefined) return []
  if (typeof value === 'object' && !Array.isArray(value)) return Object.entries(value)
  problems.push(`${place} must be a group of "name: value" lines.`)
  return []
}
