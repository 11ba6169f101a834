/** `sluice limits`: what the door lets in of a project's events, as the API's limits. Asks the running core. */
import { parseArgs } from 'node:util'
import { askRole } from '../app/ask-role.ts'
import type { Config } from '../app/config.ts'
import type { ListedLimit } from '../app/http/routes/project-limits.ts'
import { isAlive, readProcessesFile } from '../app/supervisor/processes-file.ts'
import { Failure } from '../kit/failure.ts'
import { table } from './table.ts'
import { whoRunsThis } from './who-runs-this.ts'

const usage = `Usage:
  sluice limits list [--project <number>] [--json]
  sluice limits set --project <number> [--token phc_…] --event <name or @resource>
                    [--quota <events>/<minute|hour|day|month|ever>] [--rate <events>/s [--burst <events>]] [--json]
  sluice limits remove <id>
Resources: @events, @recordings, @exceptions, @surveys, @llm_events. Without --token each token is counted by itself.
\`set\` makes a limit or changes the one of the same token and event; what it does not name stays, and --quota none or
--rate none takes it away. Without --burst the bucket holds what comes back in a second.`

const options = {
  project: { type: 'string' },
  token: { type: 'string' },
  event: { type: 'string' },
  quota: { type: 'string' },
  rate: { type: 'string' },
  burst: { type: 'string' },
  json: { type: 'boolean' },
} as const

type Options = { readonly [Name in Exclude<keyof typeof options, 'json'>]?: string } & { readonly json?: boolean }

/** What to do, or what is wrong with the words. */
export type LimitsCall =
  | { readonly kind: 'list'; readonly path: string; readonly json: boolean }
  | { readonly kind: 'set'; readonly body: object; readonly json: boolean }
  | { readonly kind: 'remove'; readonly id: string }
  | { readonly kind: 'misused'; readonly problem: string }

/** Exit code 0 when it is done, 2 when the call is wrong, the core refuses it, or nobody answers. */
export async function limits(config: Config, words: readonly string[]): Promise<number> {
  const call = limitsCallFrom(words)
  if (call.kind === 'misused') return refused(`${call.problem}\n${usage}`)
  const { dir } = config.data
  if (readProcessesFile(dir)?.processes.some((one) => one.role === 'supervisor' && isAlive(one)) !== true) {
    return refused(`Sluice does not run on ${dir}. Start it, then run this again.`)
  }
  process.chdir(dir)
  try {
    process.stdout.write(await answerTo(call))
    return 0
  } catch (error) {
    if (error instanceof Failure) return refused(error.message)
    throw error
  }
}

export function limitsCallFrom(words: readonly string[]): LimitsCall {
  let parsed: { readonly values: Options; readonly positionals: readonly string[] }
  try {
    parsed = parseArgs({ args: [...words], options, strict: true, allowPositionals: true })
  } catch (error) {
    // Its first sentence says what is wrong, the others how to write what nobody means here.
    return misused(error instanceof Error ? (error.message.split(/\. /, 1)[0] ?? '') : String(error))
  }
  const { values, positionals } = parsed
  const [verb, argument, surplus] = positionals
  const isRemoval = verb === 'remove'
  const odd = isRemoval ? surplus : argument
  if (odd !== undefined) return misused(`\`sluice limits ${String(verb)}\` takes no "${odd}".`)
  const allowed = verb === 'list' ? ['project', 'json'] : isRemoval ? [] : Object.keys(options)
  const unknown = Object.keys(values).find((name) => !allowed.includes(name))
  const json = values.json === true
  switch (verb) {
    case 'list': {
      if (unknown !== undefined) return misused(`\`sluice limits list\` has no option --${unknown}.`)
      if (values.project === undefined) return { kind: 'list', path: '/internal/limits', json }
      const project = wholeNumber(values.project)
      if (project === undefined) return misused(`--project takes a number, not "${values.project}".`)
      return { kind: 'list', path: `/internal/limits?project=${String(project)}`, json }
    }
    case 'set':
      return settingFrom(values, json)
    case 'remove':
      if (unknown !== undefined) return misused(`\`sluice limits remove\` has no option --${unknown}.`)
      if (argument === undefined || !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(argument)) {
        return misused('`sluice limits remove` takes the id of a limit; `sluice limits list` shows it.')
      }
      return { kind: 'remove', id: argument }
    default:
      return misused(verb === undefined ? 'What about limits?' : `There is no \`sluice limits ${verb}\`.`)
  }
}

function settingFrom({ project, token, event, quota, rate, burst }: Options, json: boolean): LimitsCall {
  const number = project === undefined ? undefined : wholeNumber(project)
  if (number === undefined) return misused('--project takes the number of a project, as in --project 1.')
  if (event === undefined || event === '')
    return misused("--event takes a name or a resource, as in --event '@events'.")
  if (quota === undefined && rate === undefined) return misused('A limit needs --quota, --rate, or both.')
  if (burst !== undefined && (rate === undefined || rate === 'none')) return misused('--burst goes with --rate.')
  const quotaField = quota === undefined || quota === 'none' ? null : quotaFrom(quota)
  if (quotaField === undefined) {
    return misused(`--quota takes events and a period, as in 1000000/month, or none; not "${String(quota)}".`)
  }
  const rateField = rate === undefined || rate === 'none' ? null : rateFrom(rate, burst)
  if (rateField === undefined) {
    return misused(`--rate takes events a second, as in 500/s --burst 2000, or none; not "${rateText(rate, burst)}".`)
  }
  const body = {
    project: number,
    token: token ?? null,
    event_type: event,
    ...(quota === undefined ? {} : { quota: quotaField }),
    ...(rate === undefined ? {} : { rate: rateField }),
  }
  return { kind: 'set', body, json }
}

function rateText(rate: string | undefined, burst: string | undefined): string {
  return [rate, ...(burst === undefined ? [] : ['--burst', burst])].join(' ')
}

function quotaFrom(text: string): object | undefined {
  const [, events = '', period] = /^(\d+)\/(minute|hour|day|month|ever)$/.exec(text) ?? []
  const eventsMax = wholeNumber(events)
  return eventsMax === undefined ? undefined : { events_max: eventsMax, period }
}

function rateFrom(text: string, burst: string | undefined): object | undefined {
  const [, events] = /^(\d{1,10}(?:\.\d{1,6})?)\/s$/.exec(text) ?? []
  if (events === undefined) return undefined
  const eventsPerSecond = Number(events)
  const burstEventsMax = burst === undefined ? Math.max(1, Math.ceil(eventsPerSecond)) : wholeNumber(burst)
  return burstEventsMax === undefined
    ? undefined
    : { events_per_second: eventsPerSecond, burst_events_max: burstEventsMax }
}

/** Numbers of more digits are not told apart. */
function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function misused(problem: string): LimitsCall {
  return { kind: 'misused', problem }
}

function refused(problem: string): number {
  process.stderr.write(`sluice: ${problem}\n`)
  return 2
}

async function answerTo(call: Exclude<LimitsCall, { readonly kind: 'misused' }>): Promise<string> {
  const by = whoRunsThis()
  switch (call.kind) {
    case 'list':
      return listText(await askRole<readonly ListedLimit[]>('core', { path: call.path }), call.json)
    case 'set': {
      const question = { path: '/internal/limits', body: { by, ...call.body } }
      return listText(await askRole<readonly ListedLimit[]>('core', question), call.json)
    }
    case 'remove':
      await askRole<object>('core', { path: '/internal/limits/remove', body: { by, id: call.id } })
      return `The limit ${call.id} is removed.\n`
  }
}

function listText(list: readonly ListedLimit[], json: boolean): string {
  if (json) return `${JSON.stringify(list, null, 2)}\n`
  if (list.length === 0) return 'There are no limits.\n'
  const rows = list.map(({ id, project, token, event_type: eventType, quota, rate, used }) => [
    id,
    String(project),
    token ?? 'each',
    // Only what can be printed: an event's name may hold anything.
    JSON.stringify(eventType).slice(1, -1),
    quota === null ? '–' : `${String(quota.events_max)}/${quota.period}`,
    rate === null ? '–' : `${String(rate.events_per_second)}/s, burst ${String(rate.burst_events_max)}`,
    usedText(used),
  ])
  return table(['id', 'project', 'token', 'event', 'quota', 'rate', 'used of the quota'], rows)
}

function usedText(used: ListedLimit['used']): string {
  if (used === null) return 'the door does not answer'
  const counted = used.filter(({ quota_events: events }) => events !== null)
  const [only] = counted
  if (counted.length === 1 && only !== undefined) return String(only.quota_events)
  const said = counted.filter(({ quota_events: events }) => events !== 0)
  if (counted.length === 0) return '–'
  return said.length === 0 ? '0' : said.map(({ token, quota_events: n }) => `${token}: ${String(n)}`).join(', ')
}
