import { parseArgs } from 'node:util'
import { nearestName } from '../app/settings/read-settings.ts'

export const commands = [
  'start',
  'status',
  'health',
  'verify',
  'explain',
  'messages',
  'limits',
  'reload',
  'reset-login',
  'scale-out',
  'help',
  'version',
] as const
/** Commands with options of their own. */
const readsRest: readonly Command[] = ['verify', 'explain', 'messages', 'limits', 'scale-out']
export type Command = (typeof commands)[number]

export interface CommandLine {
  readonly command: Command
  readonly configPath: string | undefined
  readonly json: boolean
  /** What follows commands that read it themselves. */
  readonly rest: readonly string[]
}

export type CommandLineResult =
  { readonly kind: 'command'; readonly line: CommandLine } | { readonly kind: 'problem'; readonly problem: string }

/** Options may stand before or after the command. Without a command there is help. */
export function parseCommandLine(words: readonly string[]): CommandLineResult {
  const { values, positionals, tokens } = parseArgs({
    args: [...words],
    options: {
      config: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
    },
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const [word] = positionals
  const command = values['help'] === true ? 'help' : values['version'] === true ? 'version' : (word ?? 'help')
  const known = commands.find((name) => name === command)
  if (known === undefined) {
    return problem(
      `"${command}" is not a command. Did you mean "${nearestName(command, commands)}"? \`sluice --help\` lists all.`,
    )
  }
  const config = values['config']
  if (config !== undefined && typeof config !== 'string') return problem('--config needs the path of a settings file.')

  const ownsRest = readsRest.some((name) => name === known)
  const [surplus] = positionals.slice(1)
  if (!ownsRest && surplus !== undefined) return problem(`\`sluice ${known}\` takes no "${surplus}".`)
  const unknown = tokens.find(
    (token) => token.kind === 'option' && !['config', 'json', 'help', 'version'].includes(token.name),
  )
  if (!ownsRest && unknown?.kind === 'option') {
    return problem(`\`sluice ${known}\` has no option ${unknown.rawName}. \`sluice --help\` lists all.`)
  }
  const commandAt = tokens.find(({ kind }) => kind === 'positional')?.index
  const taken = new Set(
    tokens.flatMap((token) => {
      if (token.kind === 'option' && token.name === 'config')
        return token.inlineValue === true ? [token.index] : [token.index, token.index + 1]
      return token.index === commandAt ? [token.index] : []
    }),
  )
  const rest = ownsRest ? words.filter((_, index) => !taken.has(index)) : []
  return { kind: 'command', line: { command: known, configPath: config, json: values['json'] === true, rest } }
}

function problem(text: string): CommandLineResult {
  return { kind: 'problem', problem: text }
}
