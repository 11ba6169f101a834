/**
 * What all processes say, on one output. Raw: JSON lines as they come, and whatever is not JSON (a stack trace, a line of
 * Postgres) made into one. Readable, for a terminal: one short line each.
 */
import type { Readable } from 'node:stream'
import { styleText } from 'node:util'
import type { LineSink } from '../../kit/telemetry/json-log.ts'
import { maskTokens } from '../../kit/telemetry/json-log.ts'
import type { LogLevel } from '../../kit/telemetry/telemetry.ts'

export interface LogPrinter extends LineSink {
  /** Prints the lines of a process; `level` is for those that do not say one. */
  follow(role: string, from: Readable, level: LogLevel): void
}

interface LogLine {
  readonly level: string
  readonly timestamp: string
  readonly caller: string
  readonly msg: string
  readonly fields?: Readonly<Record<string, unknown>>
}

/** Longer lines are broken here, so that a process that never ends its line cannot fill memory. */
const lineCharsMax = 64 * 1024
const callerChars = 10

export function createLogPrinter(output: LineSink, style: 'raw' | 'readable'): LogPrinter {
  const print = style === 'raw' ? (line: string) => output.write(line) : (line: string) => output.write(readable(line))
  return {
    write: print,
    follow(role, from, level) {
      splitLines(from, (line) => {
        if (line === '') return
        print(isLogLine(parsed(line)) ? `${line}\n` : wrapped(role, line, level))
      })
    },
  }
}

function splitLines(from: Readable, take: (line: string) => void): void {
  let rest = ''
  from.setEncoding('utf8')
  from.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line.trimEnd())
    if (rest.length > lineCharsMax) {
      take(rest)
      rest = ''
    }
  })
  from.on('end', () => take(rest.trimEnd()))
  from.on('error', () => undefined)
}

function wrapped(role: string, text: string, level: LogLevel): string {
  const line: LogLine = { level, timestamp: new Date().toISOString(), caller: role, msg: maskTokens(text) }
  return `${JSON.stringify(line)}\n`
}

function readable(line: string): string {
  const value = parsed(line)
  if (!isLogLine(value)) return line
  const fields = Object.entries(value.fields ?? {}).map(
    ([name, field]) => ` ${styleText('dim', `${name}=`)}${shown(field)}`,
  )
  const time = styleText('dim', value.timestamp.slice(11, 19))
  return `${time} ${value.caller.padEnd(callerChars)} ${levelShown(value.level)}${value.msg}${fields.join('')}\n`
}

/** The common level says nothing. */
function levelShown(level: string): string {
  if (level === 'error') return styleText('red', 'ERROR ')
  if (level === 'warn') return styleText('yellow', 'WARN ')
  return level === 'debug' ? styleText('dim', 'DEBUG ') : ''
}

function shown(field: unknown): string {
  if (typeof field === 'string') return field
  const stack = typeof field === 'object' && field !== null && 'stack' in field ? field.stack : undefined
  return typeof stack === 'string' ? `\n${stack}` : JSON.stringify(field)
}

function parsed(line: string): unknown {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isLogLine(value: unknown): value is LogLine {
  if (typeof value !== 'object' || value === null) return false
  if (!('level' in value && 'timestamp' in value && 'caller' in value && 'msg' in value)) return false
  const { level, timestamp, caller, msg } = value
  return [level, timestamp, caller, msg].every((part) => typeof part === 'string')
}
