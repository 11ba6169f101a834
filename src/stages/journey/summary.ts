/** One sentence or two about an event's journey, for a person who does not know how Sluice works inside. */
import type { Journey, JourneyStep, Occurrence } from './journey.ts'
import { momentText } from './moment.ts'

export function summaryOf({ uuid, fate, occurrences, searched }: Omit<Journey, 'summary'>): string {
  const sentences = fate === 'unknown' ? [unknown(uuid, searched)] : known(fate, occurrences)
  if (!searched.complete) {
    sentences.push('The search was cut short by its limits or by damage, so there may be more to know.')
  }
  return sentences.join(' ')
}

function known(fate: Journey['fate'], occurrences: readonly Occurrence[]): string[] {
  const own = occurrences.find((one) => one.fate === fate)
  const sentences = [sentenceOf(fate, own)]
  const copies = occurrences.filter((one) => one !== own && one.steps[0]?.verdict === 'duplicate').length
  const recognised = copies === 1 ? 'the copy was' : 'the copies were'
  if (copies > 0) sentences.push(`It was sent ${times(copies)} more; ${recognised} recognised and not stored.`)
  const again = occurrences.filter((one) => one !== own && one.steps[0]?.verdict === 'stored').length
  if (again > 0) sentences.push(`It was stored ${times(again)} more, after the duplicate window.`)
  if (fate !== 'refused' && occurrences.some((one) => one.fate === 'refused')) {
    sentences.push('An event with this uuid was also refused at the door.')
  }
  return sentences
}

/** Times are in the steps; here only what the sentence would not be true without. */
function sentenceOf(fate: Journey['fate'], own: Occurrence | undefined): string {
  const last = own?.steps.at(-1)
  switch (fate) {
    case 'in_table':
      return 'The event was accepted and is in the table.'
    case 'waiting': {
      const place = last?.stage === 'warehouse' ? 'for the warehouse' : 'for ingestion'
      return `The event was accepted; it is safe on disk and waits ${place}.`
    }
    case 'refused':
      return `The door refused the event: ${reasonOf(last)}.`
    case 'duplicate':
      return `The event came as a copy of one that was accepted before, so it was not stored again${firstCopyOf(own)}.`
    case 'dropped':
      return `The event was accepted and left out by ingestion: ${reasonOf(last)}.`
    case 'parked':
      return `The event was accepted, but ingestion could not process it and keeps it as a dead letter: ${reasonOf(last)}.`
    case 'damaged':
      return 'The event was accepted, but could not be read back from the log.'
    case 'gone':
      return last?.verdict === 'expired'
        ? `The event was accepted and stored; its project kept it until ${until(last)}, so it is gone.`
        : 'The event was accepted and decided, but the table does not have it: run "sluice verify".'
    case 'unknown':
      return 'Nothing is known of the event.'
  }
}

const firstCopyWords: Readonly<Record<string, string>> = {
  row: 'is in the table',
  replaced: 'is in the table',
  waiting: 'is safe on disk and on its way',
  dropped: 'was left out by ingestion',
  parked: 'is kept as a dead letter',
  damaged: 'could not be read back from the log',
  expired: 'is past the time for which its project keeps events',
  missing: 'is not in the table, although it should be: run "sluice verify"',
}

/** Empty when nothing is known of it but that it was there. */
function firstCopyOf(own: Occurrence | undefined): string {
  const last = own?.steps.at(-1)
  const words = last === undefined || last.stage === 'door' ? undefined : firstCopyWords[last.verdict]
  return words === undefined ? '' : `; the first copy ${words}`
}

function unknown(uuid: string, searched: Journey['searched']): string {
  const { fromMs, throughMs } = searched
  if (fromMs === undefined) return 'Nothing is known of an event with this uuid: no event was ever accepted here.'
  const where = `it is not in the table, and the door's journal, which goes from ${momentText(fromMs)} to ${momentText(throughMs)}, has no trace of it`
  const madeMs = timeIn(uuid)
  const isOlder = madeMs !== undefined && madeMs < fromMs
  const hint = isOlder
    ? ` The uuid says that it was made on ${momentText(madeMs)}: what the journal held of that time was removed by retention.`
    : ''
  return `Nothing is known of an event with this uuid: ${where}.${hint}`
}

/** When the client made the uuid, as version 7 says. */
function timeIn(uuid: string): number | undefined {
  return uuid[14] === '7' ? Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16) : undefined
}

function reasonOf(step: JourneyStep | undefined): string {
  return step?.reason ?? 'the reason is not known'
}

function until({ atMs }: JourneyStep): string {
  return atMs === undefined ? 'its time was over' : momentText(atMs)
}

function times(count: number): string {
  return count === 1 ? 'once' : `${String(count)} times`
}
