/** The journey of an event in words. The API says what happened; here is how it is shown. */
import type { AnswerTo } from '../../api/client.ts'

export type Journey = AnswerTo<'/api/projects/{id}/events/{uuid}/journey', 'get'>
export type Fate = Journey['fate']
export type JourneyStep = Journey['occurrences'][number]['steps'][number]
export type Tone = 'good' | 'waiting' | 'bad' | 'neutral'

export const TONE_COLORS: Readonly<Record<Tone, string>> = {
  good: 'teal',
  waiting: 'orange',
  bad: 'red',
  neutral: 'gray',
}

interface FateWords {
  readonly title: string
  readonly tone: Tone
  /** What whoever looks can do, or need not do. */
  readonly advice: string
}

export const FATE_WORDS: Readonly<Record<Fate, FateWords>> = {
  in_table: { title: 'In the table', tone: 'good', advice: 'Every question counts it.' },
  waiting: {
    title: 'On its way',
    tone: 'waiting',
    advice: 'It is in the log and comes into the table by itself, usually within seconds. This page looks again.',
  },
  refused: {
    title: 'Refused',
    tone: 'bad',
    advice: 'The reason below says what to change in what is sent. It is kept as a dead letter until retention ends.',
  },
  duplicate: {
    title: 'A copy',
    tone: 'neutral',
    advice: 'The first copy counts; this one was answered and not stored again. Nothing is missing.',
  },
  dropped: { title: 'Dropped on purpose', tone: 'neutral', advice: 'A rule left it out; the reason below names it.' },
  parked: {
    title: 'Parked',
    tone: 'bad',
    advice: 'It is kept, and it is in no answer until whoever runs this installation deals with the cause. See Health.',
  },
  damaged: {
    title: 'Damaged in the log',
    tone: 'bad',
    advice: 'The bytes do not match their checksum. Run npx sluice verify, and look at the disks of the log.',
  },
  gone: {
    title: 'No longer kept',
    tone: 'neutral',
    advice: 'It was stored once; the retention of the project has removed it since.',
  },
  unknown: {
    title: 'Never seen',
    tone: 'neutral',
    advice:
      'Nothing with this uuid was found for this project. Compare the uuid and the project token, and look whether the request got a 2xx answer.',
  },
}

export const STAGE_WORDS: Readonly<Record<JourneyStep['stage'], string>> = {
  door: 'At the door',
  ingestion: 'In ingestion',
  warehouse: 'At the warehouse writer',
  table: 'In the table',
}

const BAD = /refus|damag|fail|park|dead|invalid|lost|missing/
const WAITING = /wait|pending|doubt|in_flight|not_yet/
const NEUTRAL = /duplicate|drop|gone|expired|unknown|skipped|replaced|decided/

/** Verdicts are an open list: the tone of one that is not known here goes by its words. */
export function toneOf(verdict: string): Tone {
  const text = verdict.toLowerCase().replaceAll(' ', '_')
  if (BAD.test(text)) return 'bad'
  if (WAITING.test(text)) return 'waiting'
  return NEUTRAL.test(text) ? 'neutral' : 'good'
}

/** `dead_letter` becomes `dead letter`. */
export function verdictWords(verdict: string): string {
  if (verdict === 'row') return 'is a row'
  return verdict.replaceAll(/[_-]/g, ' ')
}

export function positionWords(position: NonNullable<JourneyStep['position']>): string {
  const { incarnation, partition, offset } = position
  const words = `partition ${String(partition)}, offset ${String(offset)}`
  return incarnation === null ? words : `${words}, incarnation ${String(incarnation)}`
}
