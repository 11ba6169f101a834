/** From the words of the command line to a command and its exit code. */
import type { Config } from '../app/config.ts'
import { readCheckedConfig, readConfig } from '../app/read-config.ts'
import { Failure, messageOf } from '../kit/failure.ts'
import type { Command, CommandLine } from './command-line.ts'
import { parseCommandLine } from './command-line.ts'
import { helpText } from './help.ts'

export interface CommandOptions {
  /** Without the interpreter and the script. */
  readonly words: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingFolder: string
  /** What processes that `start` starts run as well. */
  readonly entryFile: string
  readonly version: string
}

/** Resolves with the exit code: 0, or 1 with one message that says what to do. */
export async function runCommand(options: CommandOptions): Promise<number> {
  const parsed = parseCommandLine(options.words)
  if (parsed.kind === 'problem') return refuse(parsed.problem)
  const { line } = parsed
  if (line.command === 'help') return print(helpText())
  if (line.command === 'version') return print(`${options.version}\n`)

  const { environment, workingFolder } = options
  const result = readConfig({ environment, workingFolder, configPath: line.configPath })
  if (result.kind === 'problems') {
    return refuse(`The settings are not usable:\n${result.problems.map((one) => `  - ${one}`).join('\n')}`)
  }
  try {
    return await runWithConfig(line, line.command, result.config, options)
  } catch (error) {
    const expected = error instanceof Failure && result.config.diagnostics.logLevel !== 'debug'
    return refuse(expected || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message))
  }
}

async function runWithConfig(
  line: CommandLine,
  command: Exclude<Command, 'help' | 'version'>,
  config: Config,
  options: CommandOptions,
): Promise<number> {
  switch (command) {
    case 'start': {
      const { start } = await import('./start.ts')
      const { environment, workingFolder, entryFile } = options
      const readSettings = () => readCheckedConfig({ environment, workingFolder, configPath: line.configPath })
      return start(config, { entryFile, environment, readSettings })
    }
    case 'status': {
      const { status } = await import('./status.ts')
      return status(config, { json: line.json, version: options.version })
    }
    case 'health': {
      const { health } = await import('./health.ts')
      return health(config)
    }
    case 'explain': {
      const { explain } = await import('./explain.ts')
      return explain(config, line.rest)
    }
    case 'messages': {
      const { messages } = await import('./messages.ts')
      return messages(config, line.rest)
    }
    case 'limits': {
      const { limits } = await import('./limits.ts')
      return limits(config, line.rest)
    }
    case 'reset-login': {
      const { resetLogin } = await import('./reset-login.ts')
      return resetLogin(config)
    }
    case 'scale-out': {
      const { scaleOutCommand } = await import('./scale-out.ts')
      const { environment, entryFile } = options
      return scaleOutCommand(config, line.rest, { environment, entryFile })
    }
    case 'reload': {
      const { reload } = await import('./reload.ts')
      return reload(config)
    }
    case 'verify': {
      const { verify } = await import('./verify.ts')
      return verify(config, line.rest)
    }
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function refuse(message: string): number {
  process.stderr.write(`sluice: ${message}\n`)
  return 1
}
