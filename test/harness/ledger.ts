/**
 * What was promised to the clients of a test: the door's answers, event by event, and how long it gave none.
 *
 * Words:
 * - obligation: acknowledged with 2xx; must be there exactly once, at the place that its first receipt names.
 * - prohibition: refused with 4xx, or alone out of its batch; must not be there.
 * - unknown: never answered; may be there, once, or not.
 */
import assert from 'node:assert/strict'
import type { Answer } from './http-client.ts'

export interface SentEvent {
  readonly uuid: string
  readonly event: string
  readonly distinct_id: string
  readonly timestamp: string
  /** With `$ip`, so that ingestion adds nothing and the row has exactly this. */
  readonly properties: Readonly<Record<string, unknown>>
}

/** What an installation promises to those who send. */
export interface Promised {
  /** What receipts say of how durable an event is. */
  readonly durability: 'fsync' | 'quorum' | 'buffered'
  /**
   * Whether a copy may have a place of its own in the log, because the door forgot the first one or never learned what became of it.
   * There is one row all the same, of the copy that came first.
   */
  readonly copiesEnter: boolean
}

export interface Entry {
  readonly event: SentEvent
  /** Place in the order in which its user's events were sent. */
  readonly sequence: number
  fate: 'unknown' | 'obligation' | 'prohibition'
  /** Of an obligation: where its first receipt says that it is; where copies enter the log, the first place that any receipt names. */
  place: Place | undefined
}

export interface Place {
  readonly lane: string
  readonly partition: number
  readonly offset: number
}

interface Receipt {
  readonly index: number
  readonly uuid: string
  readonly verdict: 'stored' | 'duplicate' | 'refused'
  readonly position: string
}

export class Ledger {
  readonly entries = new Map<string, Entry>()
  readonly promised: Promised
  readonly #sequences = new Map<string, number>()
  #lastAcknowledgedMs: number | undefined
  /** Events that were acknowledged, each counted once. */
  acknowledged = 0
  refused = 0
  /** Requests that met a broken connection or a 5xx. */
  faults = 0
  /** Requests that were sent again because of one. */
  retries = 0
  /** Acknowledged requests that were sent once more, and what was answered compared. */
  repeats = 0
  /** Longest time in which nobody's events were acknowledged, while there were some. */
  stillMsMax = 0
  /** Longest time from the first time that a request was sent until it was answered. */
  waitedMsMax = 0

  constructor(promised: Promised = { durability: 'fsync', copiesEnter: false }) {
    this.promised = promised
  }

  /** Before an event is sent for the first time. */
  sending(event: SentEvent): void {
    const sequence = this.#sequences.get(event.distinct_id) ?? 0
    this.#sequences.set(event.distinct_id, sequence + 1)
    this.entries.set(event.uuid, { event, sequence, fate: 'unknown', place: undefined })
  }

  /** Takes what was answered to a request with `?receipts=1`: 2xx or 4xx. */
  answered(events: readonly SentEvent[], answer: Answer): void {
    if (answer.status >= 400) {
      for (const { uuid } of events) this.#forbid(this.#entry(uuid))
      return
    }
    this.#acknowledging()
    const receipt = String(answer.headers['sluice-receipt'])
    assert.match(receipt, /^\w+; n=\d+(; \S+)?$/)
    assert.equal(receipt.split(';')[0], this.promised.durability)
    const { receipts } = JSON.parse(answer.text) as { readonly receipts: readonly Receipt[] }
    assert.equal(receipts.length, events.length, 'a receipt for each event')
    for (const [index, receipt] of receipts.entries()) {
      assert.equal(receipt.uuid, events[index]?.uuid)
      const entry = this.#entry(receipt.uuid)
      if (receipt.verdict === 'refused') this.#forbid(entry)
      else this.#oblige(entry, placeFrom(receipt.position))
    }
  }

  /** After a pause in which nothing was sent: it is not the door's. */
  resting(): void {
    this.#lastAcknowledgedMs = undefined
  }

  #acknowledging(): void {
    const nowMs = performance.now()
    this.stillMsMax = Math.max(this.stillMsMax, nowMs - (this.#lastAcknowledgedMs ?? nowMs))
    this.#lastAcknowledgedMs = nowMs
  }

  #oblige(entry: Entry, place: Place): void {
    assert.notEqual(entry.fate, 'prohibition', `${entry.event.uuid} was refused and then acknowledged`)
    if (entry.place === undefined) {
      entry.fate = 'obligation'
      entry.place = place
      this.acknowledged++
      return
    }
    const { lane, partition, offset } = entry.place
    if (!this.promised.copiesEnter) {
      assert.deepEqual(place, entry.place, `${entry.event.uuid} has another place in its second receipt`)
      return
    }
    assert.deepEqual([place.lane, place.partition], [lane, partition], `copies of ${entry.event.uuid} are apart`)
    if (place.offset < offset) entry.place = place
  }

  #forbid(entry: Entry): void {
    assert.notEqual(entry.fate, 'obligation', `${entry.event.uuid} was acknowledged and then refused`)
    if (entry.fate === 'unknown') this.refused++
    entry.fate = 'prohibition'
  }

  #entry(uuid: string): Entry {
    const entry = this.entries.get(uuid)
    assert.ok(entry !== undefined, `a receipt for ${uuid}, which nobody sent`)
    return entry
  }
}

/** `<lane>/<partition>@<offset>` as receipts write it. */
function placeFrom(position: string): Place {
  const [, lane = '', partition, offset] =
    /^(\w+)\/(\d+)@(\d+)$/.exec(position) ?? assert.fail(`${position} is no place`)
  return { lane, partition: Number(partition), offset: Number(offset) }
}
