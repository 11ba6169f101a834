/** Generated questions about generated events, answered by the engine and by hand (`questions.fixtures.ts`). */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../kit/seeded-random.ts'
import { chdbEngineDefaults } from '../../stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine } from '../../stores/warehouse/chdb/chdb-engine.ts'
import type { ChdbEngine } from '../../stores/warehouse/chdb/chdb-engine.ts'
import { openChdbWarehouseReader } from '../../stores/warehouse/chdb/chdb-warehouse-reader.ts'
import { openChdbWarehouse } from '../../stores/warehouse/chdb/chdb-warehouse.ts'
import type { WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import { aBlock, aRow } from '../../stores/warehouse/warehouse.fixtures.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import { createQuestions } from './ask-questions.ts'
import type { Questions } from './ask-questions.ts'
import { intervalName, plainEvents, plainFunnel, plainRetention, plainTrend } from './questions.fixtures.ts'
import type { PlainEvent } from './questions.fixtures.ts'
import type { EventsQuestion } from './questions/events.ts'
import type { FunnelQuestion } from './questions/funnel.ts'
import { intervalNames } from './questions/intervals.ts'
import type { PropertyFilter } from './questions/property-filter.ts'
import type { RetentionQuestion } from './questions/retention.ts'
import type { TrendQuestion } from './questions/trend.ts'

const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Math.trunc(Math.random() * 2 ** 31))
const random = seededRandom(seed)
const projectCount = 6
const eventsPerProject = 90
const runs = 200

const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000
/** The clocks of Berlin jump in the middle. */
const jumpMs = Date.UTC(2026, 2, 29, 1)

const eventNames = ['a', 'b', 'c', 'signed up']
const users = ['ada', 'grace', 'Zoë', 'x', 'y']
const propertyNames = ['p', 'q', 'it\'s "odd" \\']
const values = [
  undefined,
  null,
  '',
  'a',
  'A',
  'É',
  'é1',
  '5',
  5,
  1.5,
  -2,
  1000,
  true,
  false,
  { a: 1, b: 'x/y' },
  [1, 'x'],
  'inf',
  'nan',
  '1e3',
  ' 7',
  '😀',
  'a\tb\n\'"\\',
]
const timezones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu']

const projects = new Map<number, PlainEvent[]>()
let folder: string
let engine: ChdbEngine
let warehouse: Warehouse
let reader: WarehouseReader
let questionsOf: (projectId: number) => Questions

before(async () => {
  console.log(`seed ${String(seed)}`)
  folder = await mkdtemp(join(tmpdir(), 'sluice-questions-'))
  engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
  warehouse = await openChdbWarehouse(engine)
  reader = openChdbWarehouseReader(engine)
  const create = createQuestions({
    reader,
    timeMsMax: 20_000,
    memoryBytesMax: 512 * 1024 ** 2,
    rowsMax: 100_000,
  })
  questionsOf = (projectId) => create(projectId, new AbortController().signal)

  const earlier: WarehouseRow[] = []
  const later: WarehouseRow[] = []
  let offset = 0
  for (let project = 1; project <= projectCount; project++) {
    const events: PlainEvent[] = []
    for (let n = 0; n < eventsPerProject; n++) {
      const event = anEvent(offset)
      const row = rowOf(event, project, offset++)
      const fate = random()
      if (fate < 0.05) {
        // Gone: its time was over.
        later.push({ ...row, expires_at: 1000 })
        continue
      }
      // Another version of the same row, an equal row, or none.
      if (fate < 0.2) earlier.push({ ...row, properties: '{"p":"of an older version"}', _offset: offset++ })
      else if (fate < 0.3) earlier.push(row)
      later.push({ ...row, version: 2 })
      events.push(event)
    }
    projects.set(project, events)
  }
  await warehouse.insert(aBlock('earlier', earlier))
  await warehouse.insert(aBlock('later', later))
})

after(async () => {
  await reader.close()
  await warehouse.close()
  await engine.close()
  await rm(folder, { recursive: true, force: true })
})

function pick<T>(list: readonly T[]): T {
  return list[Math.trunc(random() * list.length)] as T
}

/** Near the jump of the clocks or some weeks away; often at the same time as others, or at the edge of an interval. */
function aTimeMs(): number {
  const spanMs = pick([hourMs, 4 * dayMs, 40 * dayMs])
  const exactMs = jumpMs + Math.trunc((random() - 0.5) * 2 * spanMs)
  const roundMs = pick([1, minuteMs, hourMs, 6 * hourMs, dayMs])
  return Math.floor(exactMs / roundMs) * roundMs + pick([0, 0, 0, -1, 1, -hourMs])
}

function anEvent(n: number): PlainEvent {
  const properties: Record<string, unknown> = {}
  for (const name of propertyNames) {
    const value = pick(values)
    if (value !== undefined) properties[name] = value
  }
  const hex = (length: number) =>
    Math.trunc(random() * 16 ** length)
      .toString(16)
      .padStart(length, '0')
  return {
    uuid: `${n.toString(16).padStart(8, '0')}-0000-7000-8${hex(3)}-0000000000${hex(2)}`,
    event: pick(eventNames),
    distinctId: pick(users),
    timestampMs: aTimeMs(),
    properties,
  }
}

function rowOf({ uuid, event, distinctId, timestampMs, properties }: PlainEvent, project: number, offset: number) {
  return aRow({
    uuid,
    event,
    distinct_id: distinctId,
    timestamp: timestampMs * 1000,
    team_id: project,
    properties: JSON.stringify(properties),
    _offset: offset,
  })
}

const text = fc.constantFrom(
  'a',
  'A',
  'é',
  '5',
  'true',
  '',
  "'",
  '1.5',
  '{"a":1,"b":"x/y"}',
  '[1,"x"]',
  '😀',
  'a\tb\n\'"\\',
)
const number = fc.constantFrom(5, 0, -2, 1.5, '5', '1e3')
const property = fc.constantFrom(...propertyNames, 'nobody has it')
const filter: fc.Arbitrary<PropertyFilter> = fc.oneof(
  fc.record({ property, operator: fc.constantFrom('is_set', 'is_not_set') }),
  fc.record({
    property,
    operator: fc.constantFrom('exact', 'is_not'),
    value: fc.oneof(
      text,
      fc.constantFrom(5, 1.5, true),
      fc.array(fc.oneof(text, fc.constantFrom(5, -2)), { minLength: 1, maxLength: 3 }),
    ),
  }),
  fc.record({ property, operator: fc.constantFrom('icontains', 'not_icontains'), value: text }),
  fc.record({
    property,
    operator: fc.constantFrom('regex', 'not_regex'),
    value: fc.constantFrom('^a', 'a|5', '^.$', '^$', '\\d+', ''),
  }),
  fc.record({ property, operator: fc.constantFrom('gt', 'gte', 'lt', 'lte'), value: number }),
)
const filters = fc.oneof(
  { weight: 2, arbitrary: fc.constant<PropertyFilter[]>([]) },
  fc.array(filter, { maxLength: 2 }),
)
const project = fc.integer({ min: 1, max: projectCount })
const timezone = fc.constantFrom(...timezones)

/** Begins and ends with intervals, or anywhere. */
function period(
  interval: TrendQuestion['interval'],
  zone: string,
  isWhole: boolean,
): fc.Arbitrary<{ from: string; to: string }> {
  const spanMs = { minute: 2 * hourMs, hour: 3 * dayMs, day: 10 * dayMs, week: 40 * dayMs, month: 60 * dayMs }[interval]
  return fc
    .tuple(
      fc.integer({ min: -spanMs, max: spanMs }),
      fc.integer({ min: 1, max: spanMs }),
      fc.constantFrom(1, minuteMs, hourMs),
    )
    .map(([aroundMs, lengthMs, roundMs]) => {
      const round = (ms: number) => (isWhole ? nextStart(ms, interval, zone) : Math.floor(ms / roundMs) * roundMs)
      const fromMs = round(jumpMs + aroundMs)
      const toMs = Math.max(
        round(jumpMs + aroundMs + lengthMs),
        isWhole ? nextStart(fromMs + 1, interval, zone) : fromMs + 1,
      )
      return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() }
    })
}

/** At or after; found by walking. */
function nextStart(ms: number, interval: TrendQuestion['interval'], zone: string): number {
  const stepMs = interval === 'minute' ? minuteMs : 15 * minuteMs
  let startMs = Math.ceil(ms / stepMs) * stepMs
  while (intervalName(startMs, interval, zone) === intervalName(startMs - 1, interval, zone)) startMs += stepMs
  return startMs
}

const breakdown = fc.oneof(
  fc.constant({ kind: 'event' as const }),
  fc.record({ kind: fc.constant('property' as const), property }),
)
const eventName = fc.constantFrom(...eventNames)
const anyEvent = fc.option(eventName, { nil: undefined })
const series = fc
  .record({
    event: anyEvent,
    math: fc.constantFrom('total', 'unique_users', 'sum', 'avg', 'min', 'max', 'median', 'p90', 'p95', 'p99'),
    property,
    filters,
  })
  .map(({ event, property: own, ...rest }) => ({
    ...rest,
    ...(event === undefined ? {} : { event }),
    ...(rest.math === 'total' || rest.math === 'unique_users' ? {} : { property: own }),
  }))

const trend: fc.Arbitrary<TrendQuestion> = fc
  .tuple(fc.constantFrom(...intervalNames), timezone, fc.boolean())
  .chain(([interval, zone, isCompared]) =>
    fc.record({
      interval: fc.constant(interval),
      timezone: fc.constant(zone),
      compare_previous: fc.constant(isCompared),
      times: period(interval, zone, isCompared),
      series: fc.array(series, { minLength: 1, maxLength: 2 }),
      filters,
      breakdowns: fc.array(breakdown, { maxLength: 2 }),
      breakdown_limit: fc.integer({ min: 1, max: 4 }),
    }),
  )
  .map(({ times, ...rest }) => ({ ...times, ...rest }))

const funnel: fc.Arbitrary<FunnelQuestion> = fc
  .record({
    steps: fc.array(fc.record({ event: eventName, filters }), { minLength: 2, maxLength: 4 }),
    times: period('week', 'UTC', false),
    window_seconds: fc.constantFrom(1, 3600, 86_400, 1_209_600),
    filters,
    breakdown: fc.option(fc.record({ kind: fc.constant('property' as const), property }), { nil: undefined }),
    breakdown_limit: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ times, breakdown: own, ...rest }) => ({
    ...times,
    ...rest,
    ...(own === undefined ? {} : { breakdown: own }),
  }))

const what = fc
  .record({ event: anyEvent, filters })
  .map(({ event, filters: own }) => ({ filters: own, ...(event === undefined ? {} : { event }) }))
const retention: fc.Arbitrary<RetentionQuestion> = fc
  .tuple(fc.constantFrom('day' as const, 'week' as const, 'month' as const), timezone)
  .chain(([interval, zone]) =>
    fc.record({
      interval: fc.constant(interval),
      timezone: fc.constant(zone),
      times: period(interval, zone, false),
      start: what,
      return: what,
      periods: fc.integer({ min: 1, max: 12 }),
    }),
  )
  .map(({ times, ...rest }) => ({ ...times, ...rest }))

const events: fc.Arbitrary<EventsQuestion> = fc
  .record({
    event: anyEvent,
    distinct_id: fc.option(fc.constantFrom(...users), { nil: undefined }),
    times: period('week', 'UTC', false),
    isAfter: fc.boolean(),
    isBefore: fc.boolean(),
    filters,
    limit: fc.constantFrom(7, 20, 60),
  })
  .map(({ times, isAfter, isBefore, event, distinct_id, ...rest }) => ({
    ...rest,
    ...(event === undefined ? {} : { event }),
    ...(distinct_id === undefined ? {} : { distinct_id }),
    ...(isAfter ? { after: times.from } : {}),
    ...(isBefore ? { before: times.to } : {}),
  }))

async function holds<T>(
  question: fc.Arbitrary<T>,
  check: (own: readonly PlainEvent[], asked: T, ask: Questions) => Promise<void>,
) {
  await fc.assert(
    fc.asyncProperty(project, question, (id, asked) => check(projects.get(id) ?? [], asked, questionsOf(id))),
    { seed, numRuns: runs },
  )
}

/** Sums of fractions depend on the order in the last digits. */
function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, own: unknown) =>
    typeof own === 'number' ? Number(own.toPrecision(12)) : own,
  )
}

describe('a question about generated events', () => {
  it('of a trend has the answer that counting by hand gives', () =>
    holds(trend, async (own, asked, ask) => {
      const answer = await ask.trend(asked)
      assert.deepEqual(rounded(answer.series), rounded(plainTrend(own, asked)))
    }))

  it('of a funnel has the answer that following each user gives', () =>
    holds(funnel, async (own, asked, ask) => {
      const answer = await ask.funnel(asked)
      assert.deepEqual(rounded(answer.breakdowns), rounded(plainFunnel(own, asked)))
    }))

  it('of retention has the answer that following each user gives', () =>
    holds(retention, async (own, asked, ask) => {
      const answer = await ask.retention(asked)
      assert.deepEqual(
        answer.cohorts.map(({ users: count, returned }) => ({ users: count, returned })),
        plainRetention(own, asked),
      )
    }))

  it('of single events gives each once, newest first, page after page', () =>
    holds(events, async (own, asked, ask) => {
      const seen: PlainEvent[] = []
      let cursor: string | null | undefined
      while (cursor !== null) {
        const page = await ask.events({ ...asked, ...(cursor === undefined ? {} : { cursor }) })
        assert.ok(page.events.length <= asked.limit)
        for (const { uuid, event, distinct_id, timestamp, properties } of page.events) {
          seen.push({ uuid, event, distinctId: distinct_id, timestampMs: Date.parse(timestamp), properties })
        }
        cursor = page.next_cursor
      }
      assert.deepEqual(seen, plainEvents(own, asked))
    }))
})
