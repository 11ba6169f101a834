/** `sluice messages`: records of a lane as readers of PostHog's topics know them, one JSON object a line. */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import type { Config } from '../app/config.ts'
import { profileOf } from '../app/profiles/profile-of.ts'
import { readMessages } from '../app/read-messages.ts'
import { nearestName } from '../app/settings/read-settings.ts'
import { lanes } from '../event/position.ts'
import { silent } from '../kit/telemetry/telemetry.ts'

const usage =
  'Usage: sluice messages [--lane events_plugin_ingestion] [--partition <number>] [--from <offset>] [--max <number>] [--follow]'

/** Exit code 0, or 2 when the call is wrong. */
export async function messages(config: Config, words: readonly string[]): Promise<number> {
  let values
  try {
    ;({ values } = parseArgs({
      args: [...words],
      options: {
        lane: { type: 'string', default: 'events_plugin_ingestion' },
        partition: { type: 'string' },
        from: { type: 'string', default: '0' },
        max: { type: 'string' },
        follow: { type: 'boolean', default: false },
      },
    }))
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error))
  }
  const lane = lanes.find((name) => name === values.lane)
  if (lane === undefined)
    return misused(`"${values.lane}" is not a lane. Did you mean "${nearestName(values.lane, lanes)}"?`)
  for (const name of ['partition', 'from', 'max'] as const) {
    const value = values[name]
    if (value !== undefined && !/^\d{1,15}$/.test(value))
      return misused(`--${name} needs a whole number, not "${value}".`)
  }
  process.chdir(config.data.dir)
  const pinnable = await (await profileOf(config)).openLog(config, silent)
  const { log } = pinnable
  const partitions = log.partitionsOf(lane)
  const partition = values.partition === undefined ? undefined : Number(values.partition)
  if (partition !== undefined && partition >= partitions)
    return misused(`The lane ${lane} has the partitions 0 to ${String(partitions - 1)}.`)

  const stop = new AbortController()
  process.once('SIGINT', () => {
    stop.abort()
  })
  for await (const message of readMessages(log, {
    lane,
    partition,
    from: Number(values.from),
    messagesMax: values.max === undefined ? Infinity : Number(values.max),
    follows: values.follow,
    signal: stop.signal,
  })) {
    // Whoever reads slowly is waited for; whoever has gone ends it.
    if (!process.stdout.write(`${JSON.stringify(message)}\n`)) {
      await Promise.race([once(process.stdout, 'drain'), once(process.stdout, 'close')])
    }
    if (process.stdout.destroyed) break
  }
  await pinnable.close()
  return 0
}

function misused(problem: string): number {
  process.stderr.write(`sluice: ${problem}\n${usage}\n`)
  return 2
}
