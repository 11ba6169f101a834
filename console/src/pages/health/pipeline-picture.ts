/**
 * The pipeline as a picture: stations in the order of the flow with a log between each two that hold one.
 *
 * States of a station, each said by a word and a sign, not by colour alone:
 * - well: nothing waits before it, or only since a moment.
 * - waiting: events wait before it, as they do under load.
 * - late: the oldest waits longer than anybody should.
 */
import type { AnswerTo } from '../../api/client.ts'
import { formatBytes } from '../../kit/numbers.ts'
import { duration } from '../../kit/time-words.ts'

export type Pipeline = AnswerTo<'/api/pipeline', 'get'>
type Stage = Pipeline['stages'][number]
type CountName = Stage['counts'][number]['name']

export type StationState = 'well' | 'waiting' | 'late'

export interface Station {
  readonly kind: 'station'
  readonly name: string
  readonly title: string
  readonly does: string
  readonly state: StationState
  readonly stateWords: string
  readonly entries: readonly Entry[]
}

/** A line of the books. */
export interface Entry {
  readonly name: string
  readonly value: string
  readonly meaning: string
  /** It deserves a look, though it may be as it should be. */
  readonly isNotable: boolean
}

export interface LogBetween {
  readonly kind: 'log'
  readonly name: string
  readonly waiting: number
  readonly words: string
}

/** A healthy installation takes a second or two from the door to the table. */
const lateMs = 10_000
const noticedMs = 3_000

const titles: Readonly<Record<Stage['name'], { readonly title: string; readonly does: string }>> = {
  door: { title: 'Door', does: 'Takes events from SDKs, and answers once they are in the log.' },
  ingestion: { title: 'Ingestion', does: 'Decides what becomes of each event, and makes its row.' },
  warehouse: { title: 'Warehouse writer', does: 'Puts the rows into the table, each once.' },
}

export const countWords: Readonly<
  Record<CountName, { readonly name: string; readonly meaning: string; readonly isNotable: boolean }>
> = {
  duplicate: {
    name: 'Duplicate',
    meaning: 'Copies of events that are stored already; answered, not stored again.',
    isNotable: false,
  },
  refused: { name: 'Refused', meaning: 'Not let in, for a reason that the sender was told.', isNotable: true },
  quota_limited: {
    name: 'Quota limited',
    meaning: 'Beyond a quota of the project; kept nowhere.',
    isNotable: true,
  },
  rate_limited: {
    name: 'Rate limited',
    meaning: 'Faster than a rate of the project allows; kept nowhere.',
    isNotable: true,
  },
  dropped: { name: 'Dropped', meaning: 'Left out by a rule; nothing is wrong.', isNotable: false },
  dead_letter: {
    name: 'Dead letters',
    meaning: 'Could not be processed; kept in the log with the reason.',
    isNotable: true,
  },
  damaged: { name: 'Damaged', meaning: 'Could not be read back from the log.', isNotable: true },
  canary: {
    name: 'Canaries',
    meaning: 'Test events of Sluice itself, in no other count.',
    isNotable: false,
  },
}

export function pictureOf(pipeline: Pipeline): readonly (Station | LogBetween)[] {
  const stage = (name: Stage['name']): Stage | undefined => pipeline.stages.find((one) => one.name === name)
  const [door, ingestion, warehouse] = [stage('door'), stage('ingestion'), stage('warehouse')]
  return [
    ...(door === undefined ? [] : [stationOf(door)]),
    ...(ingestion === undefined ? [] : [logBefore(ingestion, 'Log of accepted events'), stationOf(ingestion)]),
    ...(warehouse === undefined ? [] : [logBefore(warehouse, 'Log of decided events'), stationOf(warehouse)]),
    tableOf(pipeline),
  ]
}

function stationOf(stage: Stage): Station {
  const state = stateOf(stage)
  return {
    kind: 'station',
    name: stage.name,
    ...titles[stage.name],
    state,
    stateWords: wordsOf(state, stage.oldest_waiting_ms),
    entries: entriesOf(stage),
  }
}

/** From in to out, so that it reads as a sum; canaries stand below it, because they are in none of these counts. */
function entriesOf(stage: Stage): readonly Entry[] {
  const isLast = stage.name === 'warehouse'
  const canaries = stage.counts.filter(({ name }) => name === 'canary')
  return [
    entry('In', stage.in, 'What came to this stage.'),
    ...stage.counts.filter((one) => !canaries.includes(one)).map(countEntry),
    entry('Out', stage.out, isLast ? 'Rows in the table.' : 'What went on to the next stage.'),
    ...canaries.map(countEntry),
  ]
}

function countEntry({ name, count }: Stage['counts'][number]): Entry {
  const words = countWords[name]
  return entry(words.name, count, words.meaning, words.isNotable)
}

function entry(name: string, count: number, meaning: string, isNotable = false): Entry {
  return { name, value: count.toLocaleString('en'), meaning, isNotable: isNotable && count > 0 }
}

/** By age alone: canaries wait too, though they are not counted, and show a standstill when there are no events. */
function stateOf({ oldest_waiting_ms: oldestMs }: Stage): StationState {
  if ((oldestMs ?? 0) >= lateMs) return 'late'
  return (oldestMs ?? 0) >= noticedMs ? 'waiting' : 'well'
}

function wordsOf(state: StationState, oldestMs: number | null): string {
  if (state === 'well') return 'Up to date'
  const waited = duration(oldestMs ?? 0)
  return state === 'late' ? `Late by ${waited}` : `Behind by ${waited}`
}

function logBefore(stage: Stage, name: string): LogBetween {
  const words = stage.waiting === 0 ? 'nothing waits' : `${stage.waiting.toLocaleString('en')} waiting`
  return { kind: 'log', name, waiting: stage.waiting, words }
}

/** What the reader of a question meets: how much there is, and through when it is complete. */
function tableOf({ warehouse, oldest_waiting_ms: oldestMs }: Pipeline): Station {
  const isLate = (oldestMs ?? 0) >= lateMs
  const state = isLate ? 'late' : 'well'
  return {
    kind: 'station',
    name: 'table',
    title: 'Table',
    does: 'What SQL, insights and the list of events read.',
    state,
    stateWords: isLate ? `Behind by ${duration(oldestMs ?? 0)}` : 'Complete',
    entries: [
      entry('Rows', warehouse.rows, 'Events of all projects, and canaries.'),
      { name: 'On disk', value: formatBytes(warehouse.bytes_on_disk), meaning: 'Compressed.', isNotable: false },
      entry('Parts', warehouse.parts, 'Files that ClickHouse keeps the rows in; it merges them as it goes.'),
    ],
  }
}
