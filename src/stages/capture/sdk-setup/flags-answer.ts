/** What SDKs are told that ask for feature flags: there are none. The shape depends on the version they ask for. */
import { uuidV7 } from '../../../event/uuid.ts'

interface Asked {
  readonly path: 'flags' | 'decide'
  /** Of the query's `v`; 1 when it has none. */
  readonly version: number
  /** The query has `config=true`. */
  readonly wantsConfig: boolean
}

/**
 * | asked | flags are |
 * |---|---|
 * | `/decide` v1 | a list of names |
 * | `/decide` v2 | values by name |
 * | `/decide` v3, `/flags` v1 | values and payloads by name, and whether something went wrong |
 * | `/decide` v4, `/flags` v2 | details by name, whether something went wrong, and an id of the answer |
 *
 * `/decide` gives the configuration too, as SDKs of its time have it from nowhere else.
 */
export function flagsAnswer(
  { path, version, wantsConfig }: Asked,
  config: Readonly<Record<string, unknown>>,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const shape = path === 'decide' ? Math.min(Math.max(version, 1), 4) : version >= 2 ? 4 : 3
  const told = path === 'decide' || wantsConfig ? { config: { enable_collect_everything: true }, ...config } : {}
  return { ...told, ...flagsOf(shape, nowMs) }
}

function flagsOf(shape: number, nowMs: number): Readonly<Record<string, unknown>> {
  if (shape === 1) return { featureFlags: [] }
  if (shape === 2) return { featureFlags: {} }
  if (shape === 3) return { featureFlags: {}, featureFlagPayloads: {}, errorsWhileComputingFlags: false }
  return { flags: {}, errorsWhileComputingFlags: false, requestId: uuidV7(nowMs), evaluatedAt: nowMs }
}
