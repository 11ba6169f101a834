import { emptyBooks, encodeDerivedBatch } from '../../event/derived-batch.ts'
import { neverExpires } from '../../stores/warehouse/warehouse-row.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import type { DecidedBatch } from './live-feed.ts'
import type { LiveSink } from './live-reader.ts'

export interface FixtureEvent {
  readonly uuid?: string
  readonly project?: number
  readonly event?: string
  readonly distinctId?: string
  readonly properties?: Readonly<Record<string, unknown>>
}

/** 2026-03-10 12:00:00 UTC. */
const atMs = Date.UTC(2026, 2, 10, 12)

let decidedTo = 0

/** A derived batch with these rows, as ingestion hands it on: it follows the one that was made before. */
export function aDerivedBatch(events: readonly FixtureEvent[]): DecidedBatch {
  const rows = events.map((own, offset): WarehouseRow => ({
    uuid: own.uuid ?? '0198c2d4-0000-7000-8000-000000000001',
    event: own.event ?? 'page viewed',
    properties: JSON.stringify(own.properties ?? {}),
    timestamp: atMs * 1000,
    team_id: own.project ?? 1,
    distinct_id: own.distinctId ?? 'ada',
    created_at: atMs,
    accepted_at: atMs + 5,
    expires_at: neverExpires,
    version: atMs + 5,
    _incarnation: 1,
    _partition: 0,
    _offset: offset,
    _index: 0,
  }))
  const head = {
    epoch: 1,
    partition: 0,
    from: decidedTo,
    to: (decidedTo += rows.length),
    exceptions: [],
    rowCount: rows.length,
    idSetHash: '0',
    month: 202603,
    acceptedFromMs: atMs,
    acceptedToMs: atMs,
    books: emptyBooks,
  }
  return { head, value: encodeDerivedBatch(head, Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))) }
}

export interface Frame {
  readonly id: string
  /** Where the id stands in its project's count. */
  readonly number: number
  readonly kind: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A reader's end in memory. While it is stuck it takes what it is given, passes nothing on, and says that it is full. */
export class SinkInMemory implements LiveSink {
  text = ''
  waitingBytes = 0
  isStuck = false
  hasEnded = false

  write(bytes: Buffer): boolean {
    if (this.hasEnded) throw new Error('Written after the end.')
    this.text += bytes.toString()
    if (this.isStuck) this.waitingBytes += bytes.length
    return !this.isStuck
  }

  end(): void {
    this.hasEnded = true
  }

  get frames(): readonly Frame[] {
    return this.text.split('\n\n').flatMap((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
      const [id, kind, data] = [field('id') ?? '', field('event'), field('data')]
      if (kind === undefined || data === undefined) return []
      const number = Number(id.split('.').at(-1))
      return [{ id, number, kind, data: JSON.parse(data) as Readonly<Record<string, unknown>> }]
    })
  }

  of(kind: string): readonly Frame[] {
    return this.frames.filter((frame) => frame.kind === kind)
  }

  /** What an EventSource would send when it comes back. */
  get lastId(): string {
    return [...this.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? ''
  }
}
