/**
 * Log lines as JSON, one a line: `level`, `timestamp`, `caller` (role, or role/stage), `msg`, `fields`.
 *
 * Secrets are masked twice: whatever looks like a token anywhere in the finished line (`phc_abc…`), and the fields that
 * hold one by name, whatever it looks like. Lines are written synchronously, so that the last words before a crash are
 * not lost with it.
 */
import { destination, pino } from 'pino'
import { codeOf } from '../failure.ts'
import type { LogFields, LogLevel, Telemetry } from './telemetry.ts'

export interface JsonLog extends Pick<Telemetry, 'log'> {
  /** The same log under another caller. */
  as(caller: string): JsonLog
  /** Of this log and of all that were made of it. */
  readonly setLevel: (level: LogLevel) => void
}

/** Where lines go; each call is one line with its line feed. */
export interface LineSink {
  write(line: string): void
}

const tokenPattern = /(ph[cx]_[A-Za-z0-9_-]{3})[A-Za-z0-9_-]+/g
const secretFields: ReadonlySet<string> = new Set(['token', 'apiKey', 'api_key', 'personalKey', 'password'])
const secretCharsShown = 7

export function createJsonLog(options: {
  readonly caller: string
  readonly level: LogLevel
  /** Standard output when not given. */
  readonly sink?: LineSink
}): JsonLog {
  const root = pino(
    {
      // What is below the level that holds now is left out before it gets here.
      level: 'debug',
      base: null,
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: loggable },
      nestedKey: 'fields',
      hooks: { streamWrite: maskTokens },
    },
    options.sink ?? destination({ fd: 1, sync: true }),
  )
  return logOf(root, options.caller, { weight: weights[options.level] })
}

/** `phc_abcdef…` → `phc_abc…`, wherever it stands. */
export function maskTokens(line: string): string {
  return line.replace(tokenPattern, '$1…')
}

const weights: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

function logOf(root: pino.Logger, caller: string, least: { weight: number }): JsonLog {
  const logger = root.child({ caller })
  return {
    log: (level, message, fields = {}) => {
      if (weights[level] >= least.weight) logger[level](fields, message)
    },
    as: (next) => logOf(root, next, least),
    setLevel: (level) => {
      least.weight = weights[level]
    },
  }
}

/** Errors become data, secrets are cut short. */
function loggable(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (value instanceof Error) return [name, { message: value.message, code: codeOf(value), stack: value.stack }]
      if (typeof value === 'string' && secretFields.has(name)) return [name, `${value.slice(0, secretCharsShown)}…`]
      return [name, value]
    }),
  )
}
