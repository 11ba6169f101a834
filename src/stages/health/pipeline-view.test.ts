import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { emptyBooks } from '../../event/derived-batch.ts'
import { balance } from './books.ts'
import { pipelineViewOf } from './pipeline-view.ts'
import type { PipelineParts } from './pipeline-view.ts'

const books = balance({
  intake: {
    stored: 10,
    duplicate: 2,
    refused: 5,
    quotaLimited: 4,
    rateLimited: 1,
    canary: 3,
    split: 0,
    reasons: { 'event is not an object': 3 },
  },
  flows: [
    {
      name: 'events',
      sourceRecords: 13,
      ingestion: {
        ...emptyBooks,
        in: 8,
        out: 6,
        deadLetter: 2,
        canary: 2,
        setAside: [{ kind: 'dead_letter', step: 'parse', reason: 'not_json', count: 2 }],
      },
      decidedRecords: 10,
      insertedRecords: 6,
      isInserted: false,
      rowsInserted: 6,
      canariesInserted: 1,
      rowsRefused: 0,
    },
  ],
})
const reader = (name: string, lag: number, oldestWaitingMs: number | null) => ({
  name,
  offset: 0,
  lag,
  oldestWaitingMs,
})
const parts: PipelineParts = {
  books,
  freshness: { completeThroughMs: 0, waitingEvents: 5, oldestWaitingMs: 900, oldestUrgentWaitingMs: 900 },
  lanes: [
    {
      lane: 'events_plugin_ingestion',
      partitions: [
        { partition: 0, end: 6, readers: [reader('ingestion', 2, 100), reader('warehouse', 4, 900)] },
        { partition: 1, end: 4, readers: [reader('ingestion', 0, null), reader('warehouse', 1, 300)] },
      ],
    },
  ],
  canary: { arrivedAtMs: 0, durationMs: 5, failure: undefined },
  lateness: { oldestWaitingMsMax: 1000, oldestPatientWaitingMsMax: 100_000 },
  processes: [{ role: 'edge', state: 'ready', pid: 1, startedAt: '', restarts: 0 }],
  edgeSilence: undefined,
  edgeTrouble: [],
}

describe('the view of the pipeline', () => {
  it('has each stage with what came in, went out and waits', () => {
    const { stages, problems } = pipelineViewOf(parts)
    assert.deepEqual(
      stages.map(({ name, in: into, out, waiting, oldestWaitingMs }) => [name, into, out, waiting, oldestWaitingMs]),
      [
        ['door', 22, 10, 0, null],
        ['ingestion', 8, 6, 2, 100],
        ['warehouse', 6, 5, 3, 900],
      ],
    )
    assert.deepEqual(problems, [])
  })

  it('has canaries in their own count of each stage, and in no other', () => {
    const canaries = pipelineViewOf(parts).stages.map(
      ({ counts }) => counts.find(({ name }) => name === 'canary')?.count,
    )
    assert.deepEqual(canaries, [3, 2, 1])
    const idle = { ...parts.freshness, waitingEvents: 0, oldestWaitingMs: 61_000, oldestUrgentWaitingMs: 61_000 }
    assert.deepEqual(pipelineViewOf({ ...parts, freshness: idle }).problems, [
      'The canary events wait for the table, the oldest for 61 s.',
    ])
  })

  it('adds the partitions of a lane up', () => {
    assert.deepEqual(pipelineViewOf(parts).lanes, [
      {
        lane: 'events_plugin_ingestion',
        records: 10,
        readers: [
          { name: 'ingestion', lag: 2, oldestWaitingMs: 100 },
          { name: 'warehouse', lag: 5, oldestWaitingMs: 900 },
        ],
        partitions: [
          { partition: 0, end: 6, lag: 4 },
          { partition: 1, end: 4, lag: 1 },
        ],
      },
    ])
  })

  it('counts each dead letter once, those without a reason from earlier releases too', () => {
    assert.deepEqual(
      pipelineViewOf(parts).deadLetters.map(({ stage, reason, count }) => [stage, reason, count]),
      [
        ['door', 'event is not an object', 3],
        ['ingestion', 'not_json', 2],
        ['door', 'not recorded', 2],
      ],
    )
  })

  it('takes what waits in patient lanes for late only after a time of its own', () => {
    const waiting = { ...parts.freshness, oldestWaitingMs: 99_000 }
    assert.deepEqual(pipelineViewOf({ ...parts, freshness: waiting }).problems, [])
    const late = { ...waiting, oldestWaitingMs: 101_000 }
    assert.deepEqual(pipelineViewOf({ ...parts, freshness: late }).problems, [
      '5 accepted events wait for the table, the oldest for 101 s.',
    ])
  })

  it('says each thing that is wrong in a sentence', () => {
    const { problems } = pipelineViewOf({
      ...parts,
      books: { ...books, imbalances: ['in against out: 1 against 2'], warehouse: { ...books.warehouse, refused: 1 } },
      freshness: { ...parts.freshness, oldestWaitingMs: 99_000, oldestUrgentWaitingMs: 61_000 },
      canary: { ...parts.canary, failure: 'The door answered 503.' },
      processes: [{ role: 'postgres', state: 'waiting', pid: null, startedAt: '', restarts: 3 }],
      edgeSilence: 'it is away',
      edgeTrouble: ['Redis is away.'],
    })
    assert.deepEqual(problems, [
      '5 accepted events wait for the table, the oldest for 61 s.',
      'The canary events do not come through: The door answered 503.',
      'The books do not balance: in against out: 1 against 2.',
      'The table refused 1 rows for good; "sluice verify" names them.',
      'The edge does not answer, so no event comes in: it is away',
      'Redis is away.',
      'The process postgres is not running.',
    ])
  })
})
