import { partitionOf } from '../../../event/murmur2.ts'
import { debit, LimitMeters, metLimit, retryAfterMs, usedOf } from '../../../kit/limit-meters.ts'
import type { Intake, IntakeBooks, IntakeEvent, IntakeRequest, LimitUse, Outcome } from '../intake.ts'

export interface MemoryIntakeOptions {
  readonly limitKeysMax?: number
  readonly now?: () => number
}

/** An intake in memory, for tests of stages: keeps every promise but the one about crashes. */
export function createMemoryIntake(partitionCount: number, options: MemoryIntakeOptions = {}): Intake {
  const { limitKeysMax = 1000, now = Date.now } = options
  let firsts = new Map<string, Outcome>()
  let ends = new Map<string, number>()
  const meters = new LimitMeters(limitKeysMax)
  const counts = { stored: 0, duplicate: 0, refused: 0, quota_limited: 0, rate_limited: 0, split: 0, canary: 0 }

  const place = (verdict: 'stored' | 'refused', lane: Outcome['lane'], { partitionKey }: IntakeEvent): Outcome => {
    const partition = partitionOf(partitionKey, partitionCount)
    const offset = ends.get(`${lane}/${String(partition)}`) ?? 0
    ends.set(`${lane}/${String(partition)}`, offset + 1)
    return { verdict, lane, partition, offset }
  }

  const decide = (request: IntakeRequest, isLimited: (event: IntakeEvent) => Outcome | undefined): Outcome[] => {
    const outcomes: Outcome[] = []
    for (const event of request.events) {
      const main = event.splitFrom === undefined ? undefined : outcomes[event.splitFrom]
      const key = event.duplicateKey?.join(':')
      const first = key === undefined || event.refusal !== undefined ? undefined : firsts.get(key)
      if (main !== undefined) outcomes.push(main.verdict === 'stored' ? place('stored', event.lane, event) : main)
      else if (first !== undefined) outcomes.push({ ...first, verdict: 'duplicate' })
      else outcomes.push(isLimited(event) ?? enter(event, key))
    }
    return outcomes
  }

  const enter = (event: IntakeEvent, key: string | undefined): Outcome => {
    if (event.refusal !== undefined) return place('refused', 'events_plugin_ingestion_dlq', event)
    const stored = place('stored', event.lane, event)
    if (key !== undefined) firsts.set(key, stored)
    return stored
  }

  const submit = (request: IntakeRequest): Outcome[] => {
    const limits = request.isCanary ? [] : (request.limits ?? [])
    const own = meters.open(limits, request.nowMs)
    const isAllOrNothing = request.isAllOrNothing === true
    const amounts = own.map(({ amount }) => amount)
    const before = isAllOrNothing ? { firsts: new Map(firsts), ends: new Map(ends) } : { firsts, ends }
    const outcomes = decide(request, (event) => {
      if (event.refusal !== undefined || event.limits === undefined || limits.length === 0) return undefined
      const at = metLimit(own, limits, event.limits)
      const [limit, meter] = [limits[at], own[at]]
      if (limit === undefined || meter === undefined) {
        debit(own, event.limits)
        return undefined
      }
      const verdict = limit.kind === 'quota' ? 'quota_limited' : 'rate_limited'
      const retry = retryAfterMs(meter, limit, request.nowMs)
      return { verdict, lane: event.lane, partition: -1, offset: -1, limit: at, retryAfterMs: retry }
    })
    const met = outcomes.find(({ limit }) => limit !== undefined)
    if (met === undefined || !isAllOrNothing) return outcomes
    firsts = before.firsts
    ends = before.ends
    for (const [at, meter] of own.entries()) meter.amount = amounts[at] ?? 0
    return decide(request, (event) => ({ ...met, lane: event.lane }))
  }

  return {
    async submit(request) {
      const outcomes = submit(request)
      for (const [at, { verdict }] of outcomes.entries()) {
        const isSplit = request.events[at]?.splitFrom !== undefined
        if (request.isCanary) counts.canary += isSplit ? 0 : 1
        else if (!isSplit) counts[verdict]++
        else if (verdict === 'stored') counts.split++
      }
      await Promise.resolve()
      return outcomes
    },
    books: (): IntakeBooks => ({
      stored: counts.stored,
      duplicate: counts.duplicate,
      refused: counts.refused,
      quotaLimited: counts.quota_limited,
      rateLimited: counts.rate_limited,
      split: counts.split,
      canary: counts.canary,
      durability: 'buffered',
      received: counts.stored + counts.duplicate + counts.refused + counts.quota_limited + counts.rate_limited,
      waitingBytes: 0,
    }),
    limitUses(prefix = '', countMax = 1000) {
      const uses: LimitUse[] = []
      for (const meter of meters.all()) {
        const used = meter.key.startsWith(prefix) ? usedOf(meter, now()) : 0
        if (used > 0 && uses.length < countMax) uses.push({ key: meter.key, used })
      }
      return Promise.resolve(uses)
    },
    close: () => Promise.resolve(),
  }
}
