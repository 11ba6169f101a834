/** `sluice explain <uuid>`: what became of an event, as a timeline. */
import { askRole } from '../app/ask-role.ts'
import type { Config } from '../app/config.ts'
import type { JourneyAnswer } from '../app/http/routes/journey.ts'
import { isAlive, readProcessesFile } from '../app/supervisor/processes-file.ts'
import { canonicalUuid } from '../event/uuid.ts'
import { Failure } from '../kit/failure.ts'

const usage = 'Usage: sluice explain <uuid> [--json]'

/** Exit code 0 when something is known of the event, 1 when nothing is, 2 when the call is wrong or nobody answers. */
export async function explain(config: Config, words: readonly string[]): Promise<number> {
  const options = words.filter((word) => word.startsWith('-'))
  const [text, surplus] = words.filter((word) => !word.startsWith('-'))
  const unknown = options.find((option) => option !== '--json')
  if (unknown !== undefined) return misused(`\`sluice explain\` has no option ${unknown}.`)
  if (text === undefined) return misused('The uuid of an event is missing.')
  if (surplus !== undefined) return misused(`\`sluice explain\` takes one uuid, and no "${surplus}".`)
  const uuid = canonicalUuid(text)
  if (uuid === undefined) return misused(`"${text}" is not a UUID.`)
  const { dir } = config.data
  if (readProcessesFile(dir)?.processes.some((one) => one.role === 'supervisor' && isAlive(one)) !== true) {
    return refused(
      `Sluice does not run on ${dir}. Start it, then ask again: the table can only be asked while it runs.`,
    )
  }
  process.chdir(dir)
  let journey: JourneyAnswer
  try {
    const timeoutMs = config.journey.searchTimeMsMax * searchesMax
    journey = await askRole<JourneyAnswer>('core', { path: `/internal/journey?uuid=${uuid}`, timeoutMs })
  } catch (error) {
    if (error instanceof Failure) return refused(error.message)
    throw error
  }
  process.stdout.write(options.includes('--json') ? `${JSON.stringify(journey, null, 2)}\n` : timelineOf(journey))
  return journey.fate === 'unknown' ? 1 : 0
}

/** Searches that one answer takes at most, and others that may be before it. */
const searchesMax = 5

function misused(problem: string): number {
  return refused(`${problem}\n${usage}`)
}

function refused(problem: string): number {
  process.stderr.write(`sluice: ${problem}\n`)
  return 2
}

function timelineOf({ uuid, fate, summary, occurrences, searched }: JourneyAnswer): string {
  const lines = [`${uuid}: ${fate.replaceAll('_', ' ')}`, summary]
  for (const [index, { steps }] of occurrences.entries()) {
    lines.push('', ...(occurrences.length > 1 ? [`${String(index + 1)}. time`] : []))
    for (const step of steps) {
      const time = step.at ?? ''.padEnd(24)
      const { lane, position } = step
      const where = position === null ? '' : ` ${lane ?? ''}/${String(position.partition)}@${String(position.offset)}`
      lines.push(`  ${time}  ${step.stage.padEnd(9)}  ${step.verdict}${where}`)
      const more = [
        step.detail,
        ...(step.reason === null ? [] : [`reason: ${step.reason}`]),
        ...(step.token === null ? [] : [`token: ${step.token}`]),
      ]
      for (const text of more) lines.push(`${' '.repeat(39)}${text}`)
    }
  }
  const from = searched.from ?? 'the beginning'
  const whole = searched.complete ? '' : ', not completely'
  lines.push('', `Searched: the table, and the journal from ${from} through ${searched.through}${whole}.`)
  return `${lines.join('\n')}\n`
}
