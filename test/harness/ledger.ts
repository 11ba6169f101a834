/**
 * What was promised to the clients of a test: the door's answers, event by event.
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

export interface Entry {
  readonly event: SentEvent
  /** Place in the order in which its user's events were sent. */
  readonly sequence: number
  fate: 'unknown' | 'obligation' | 'prohibition'
  /** Of an obligation: `<lane>/<partition>@<offset>` by its first receipt. */
  position: string | undefined
}

interface Receipt {
  readonly index: number
  readonly uuid: string
  readonly verdict: 'stored' | 'duplicate' | 'refused'
  readonly position: string
}

export class Ledger {
  readonly entries = new Map<string, Entry>()
  readonly #sequences = new Map<string, number>()
  /** Events that were acknowledged, each counted once. */
  acknowledged = 0
  refused = 0
  /** Requests that met a broken connection or a 5xx. */
  faults = 0
  /** Requests that were sent again because of one. */
  retries = 0
  /** Acknowledged requests that were sent once more, and what was answered compared. */
  repeats = 0

  /** Before an event is sent for the first time. */
  sending(event: SentEvent): void {
    const sequence = this.#sequences.get(event.distinct_id) ?? 0
    this.#sequences.set(event.distinct_id, sequence + 1)
    this.entries.set(event.uuid, { event, sequence, fate: 'unknown', position: undefined })
  }

  /** Takes what was answered to a request with `?receipts=1`: 2xx or 4xx. */
  answered(events: readonly SentEvent[], answer: Answer): void {
    if (answer.status >= 400) {
      for (const { uuid } of events) this.#forbid(this.#entry(uuid))
      return
    }
    assert.match(String(answer.headers['sluice-receipt']), /^fsync; n=\d+(; \S+)?$/)
    const { receipts } = JSON.parse(answer.text) as { readonly receipts: readonly Receipt[] }
    assert.equal(receipts.length, events.length, 'a receipt for each event')
    for (const [index, receipt] of receipts.entries()) {
      assert.equal(receipt.uuid, events[index]?.uuid)
      const entry = this.#entry(receipt.uuid)
      if (receipt.verdict === 'refused') this.#forbid(entry)
      else this.#oblige(entry, receipt.position)
    }
  }

  #oblige(entry: Entry, position: string): void {
    assert.notEqual(entry.fate, 'prohibition', `${entry.event.uuid} was refused and then acknowledged`)
    if (entry.fate === 'obligation') {
      assert.equal(position, entry.position, `${entry.event.uuid} has another place in its second receipt`)
      return
    }
    entry.fate = 'obligation'
    entry.position = position
    this.acknowledged++
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
