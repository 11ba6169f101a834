/** Requests as capture reads them, and what admission needs beside them, for tests. */
import { silent } from '../../kit/telemetry/telemetry.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import { noLimitedTokens } from '../../stores/coordination/limited-tokens.ts'
import type { LimitedTokens } from '../../stores/coordination/limited-tokens.ts'
import { createMemoryIntake } from '../../stores/intake/memory/memory-intake.ts'
import type { Intake, IntakeRequest } from '../../stores/intake/intake.ts'
import type { DoorPolicy } from '../../stores/state/door-policy.ts'
import type { TokenAnswer, TokenDirectory } from '../../stores/state/token-directory.ts'
import type { AdmissionConfig } from './admission.config.ts'
import { createAdmission } from './admission.ts'
import type { ReadRequest, ReadRequestEvent } from './read-request.ts'

export const aUuid = '0190c4a2-0000-7000-8000-000000000001'
export const aCanaryToken = 'phc_canary'
export const aTime = Date.UTC(2026, 2, 10)

export const aConfig: AdmissionConfig = {
  historicalAfterDays: 0,
  dropEvents: '',
  overflowEventsPerSecond: 0,
  overflowBurstEventsMax: 1,
  overflowKeysMax: 100,
  overflowKeys: [],
  signatureAgeMsMax: 300_000,
  signaturesMax: 1000,
}

export const aPolicy: DoorPolicy = { signingSecrets: [], lanes: undefined, limits: [], restrictions: [] }

export function anEvent(own: Partial<ReadRequestEvent> = {}): ReadRequestEvent {
  return {
    index: 0,
    start: 0,
    end: 2,
    name: 'e',
    uuid: aUuid,
    distinctId: 'ada',
    sessionId: undefined,
    timestampText: undefined,
    isCookieless: false,
    isInternal: false,
    hasHeatmap: false,
    refusal: undefined,
    ...own,
  }
}

/** Events in their order, each with a uuid of its own. */
export function someEvents(...own: Partial<ReadRequestEvent>[]): ReadRequestEvent[] {
  return own.map((event, index) =>
    anEvent({ index, uuid: `0190c4a2-0000-7000-8000-${String(index).padStart(12, '0')}`, ...event }),
  )
}

export function aRequest(own: Partial<ReadRequest> = {}): ReadRequest {
  const body = Buffer.from('{}')
  return {
    kind: 'events',
    signed: { method: 'POST', target: '/e', signature: undefined, sentBody: body },
    historicalMigration: false,
    body,
    token: 'phc_a',
    ip: '192.0.2.1',
    nowMs: aTime,
    sentAtMs: undefined,
    events: [anEvent()],
    ...own,
  }
}

export interface OpenedAdmission {
  readonly admit: ReturnType<typeof createAdmission>
  readonly intake: Intake
  /** What the intake was asked to store. */
  readonly asked: readonly IntakeRequest[]
}

/** Admission before an intake in memory, for a project with such a policy. */
export function openAdmission(
  own: {
    readonly policy?: Partial<DoorPolicy>
    readonly answers?: 'sdk' | 'strict'
    readonly config?: Partial<AdmissionConfig>
    readonly tokens?: Pick<TokenDirectory, 'lookup' | 'confirm'>
    readonly telemetry?: Telemetry
    readonly intake?: Intake
    readonly limitedTokens?: LimitedTokens
  } = {},
): OpenedAdmission {
  const { policy, answers = 'sdk', config, telemetry = silent, intake = createMemoryIntake(4) } = own
  const plain = { kind: 'known', projectId: 1, answers } as const
  const known: TokenAnswer = policy === undefined ? plain : { ...plain, policy: { ...aPolicy, ...policy } }
  const tokens = own.tokens ?? { lookup: () => known, confirm: () => Promise.resolve(known) }
  const asked: IntakeRequest[] = []
  const listened: Intake = {
    submit(request) {
      asked.push(request)
      return intake.submit(request)
    },
    books: () => intake.books(),
    limitUses: (prefix, countMax) => intake.limitUses(prefix, countMax),
    close: () => intake.close(),
  }
  const deps = {
    intake: listened,
    tokens,
    limitedTokens: own.limitedTokens ?? noLimitedTokens,
    duplicateKeySecret: Buffer.alloc(32),
    canaryToken: aCanaryToken,
    telemetry,
  }
  return { admit: createAdmission({ ...aConfig, ...config }, deps), intake, asked }
}
