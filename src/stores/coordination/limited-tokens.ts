/**
 * Tokens that somebody else has limited: beside our own limits, PostHog's billing says of which tokens a resource is used up, and every
 * door obeys (C7; capture spec §12). `limited-tokens.contract.ts` checks the promises.
 */
export interface LimitedTokens {
  /**
   * What of the token is limited; undefined for nearly every token. Asks nobody: it is what was known last, and what nobody can say
   * anew goes on until its time. The same object until it is known anew. Times that are over may stand in it still.
   */
  of(token: string): LimitedUntil | undefined
  /** Learns nothing new from now on. Safe to call twice. */
  close(): void
}

/** Until when a resource is limited, Unix milliseconds. */
export type LimitedUntil = ReadonlyMap<LimitedResource, number>

export type LimitedResource = (typeof limitedResources)[number]

export const limitedResources = ['events', 'recordings', 'exceptions', 'surveys', 'llm_events'] as const

/** Where nobody else limits anything. */
export const noLimitedTokens: LimitedTokens = { of: () => undefined, close: () => undefined }
