/**
 * The whole door in the process of the test: the real surface, capture, admission and journal in a temporary folder, and a
 * list of tokens in memory. What it keeps is read back from the journal, as ingestion reads it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { configFrom } from '../../src/app/config.ts'
import type { Config } from '../../src/app/config.ts'
import { ofRequest } from '../../src/app/edge/exchange.ts'
import { openEdgeFront } from '../../src/app/edge/edge-front.ts'
import { buildDoor } from '../../src/app/pipeline.ts'
import { lanes } from '../../src/event/position.ts'
import type { Lane } from '../../src/event/position.ts'
import { nodeFiles } from '../../src/kit/node-files.ts'
import { silent } from '../../src/kit/telemetry/telemetry.ts'
import type { Telemetry } from '../../src/kit/telemetry/telemetry.ts'
import { noLimitedTokens } from '../../src/stores/coordination/limited-tokens.ts'
import { openEmbeddedIntake } from '../../src/stores/intake/embedded/embedded-intake.ts'
import type { Intake, Outcome } from '../../src/stores/intake/intake.ts'
import type { LogRecord } from '../../src/stores/log/event-log.ts'
import { openJournalWriter } from '../../src/stores/log/segments/journal-writer.ts'
import { openSegmentsLog } from '../../src/stores/log/segments/segments-log.ts'
import type { TokenAnswer } from '../../src/stores/state/token-directory.ts'

export interface Door {
  readonly host: string
  readonly port: number
  readonly config: Config
  /** What the intake decided since the last call, in the order in which it was asked. */
  decided(): readonly Outcome[]
  /** Everything that is in the journal, by `positionOf`. */
  records(): Promise<ReadonlyMap<string, LogRecord>>
  close(): Promise<void>
}

export interface DoorOptions {
  /** Environment variables of settings. */
  readonly settings: Readonly<Record<string, string>>
  readonly tokenAnswer: (token: string) => TokenAnswer
  /** Of the stages; silent when not given. */
  readonly telemetry?: Telemetry
}

export const positionOf = (lane: Lane, partition: number, offset: number): string =>
  `${lane}/${String(partition)}@${String(offset)}`

const sourceLanes: readonly Lane[] = lanes.filter((lane) => !lane.startsWith('clickhouse_'))

export async function openDoor({ settings, tokenAnswer, telemetry = silent }: DoorOptions): Promise<Door> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-wire-'))
  const read = configFrom({ environment: { SLUICE_PORT: '0', ...settings }, file: undefined, workingFolder: folder })
  if (read.kind === 'problems') throw new Error(read.problems.join('\n'))
  const { config } = read
  const { partitionCount, duplicateWindowMs, limitKeysMax } = config.intake
  const journal = join(folder, 'journal')
  const writer = await openJournalWriter({
    ...config.intake,
    role: 'edge',
    files: nodeFiles,
    folder: journal,
    reserveBytes: 0,
    telemetry: silent,
  })
  const intake = await openEmbeddedIntake({
    files: nodeFiles,
    folder: journal,
    indexFolder: join(folder, 'duplicates'),
    writer,
    partitionCount,
    duplicateWindowMs,
    limitKeysMax,
    telemetry: silent,
  })
  let outcomes: Outcome[] = []
  /** The intake itself, which tells the test beside it what it decided. */
  const watched: Intake = {
    async submit(request) {
      const decided = await intake.submit(request)
      outcomes.push(...decided)
      return decided
    },
    books: () => intake.books(),
    limitUses: () => intake.limitUses(),
    close: () => intake.close(),
  }
  const buildCapture = buildDoor(
    config,
    {
      intake: watched,
      tokens: {
        lookup: tokenAnswer,
        confirm: (token) => Promise.resolve(tokenAnswer(token)),
        close: () => Promise.resolve(),
      },
      limitedTokens: noLimitedTokens,
      duplicateKeySecret: randomBytes(32),
      canaryToken: 'phc_canary',
    },
    ofRequest,
    () => telemetry,
  )
  const stopping = new AbortController()
  const front = await openEdgeFront({
    config,
    buildCapture,
    own: {},
    cores: [{ socketPath: join(folder, 'no-core.sock') }],
    stopping: stopping.signal,
    telemetry: silent,
  })

  return {
    host: config.edge.host,
    port: front.port,
    config,
    decided() {
      const decided = outcomes
      outcomes = []
      return decided
    },
    async records() {
      const folders = Object.fromEntries(lanes.map((lane) => [lane, journal])) as Record<Lane, string>
      const log = openSegmentsLog({
        files: nodeFiles,
        partitionCount,
        folders,
        writers: new Map(),
        pollMs: 5,
        telemetry: silent,
      })
      const bounds = await Promise.all(sourceLanes.map((lane) => log.bounds(lane)))
      let left = bounds.flat().reduce((sum, { begin, end }) => sum + end - begin, 0)
      const records = new Map<string, LogRecord>()
      const ending = new AbortController()
      const wanted = sourceLanes.map((lane) => ({ lane, from: Array.from({ length: partitionCount }, () => 0) }))
      if (left > 0)
        for await (const batch of log.read(wanted, { signal: ending.signal, batchBytesMax: 1024 * 1024 })) {
          for (const record of batch)
            records.set(positionOf(record.lane, record.position.partition, record.position.offset), record)
          left -= batch.length
          if (left <= 0) ending.abort()
        }
      await log.close()
      return records
    },
    async close() {
      stopping.abort()
      await front.close(100)
      await intake.close()
      await writer.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
