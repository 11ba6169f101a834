/**
 * "Is this token known?", answered at the door without waiting for anything.
 *
 * Words used here:
 * - list: the tokens in memory, each with what its project says about events at the door. It follows Postgres by version (see
 *   `tokensChangedSince`): one query per `refreshMs` that yields nothing when nothing changed; every `reloadMs` it is read anew as
 *   a whole, against anything versions do not tell, such as a database restored from a backup.
 * - heard: Postgres said that something changed (`listener`). The list is then refreshed at once, so that what a project says holds
 *   within a second, but no more often than every `heardPauseMs`. Nothing depends on hearing: it only comes sooner.
 * - fresh: the last refresh that succeeded began less than `staleMs` ago.
 * - snapshot: the list as a file, read at start only. A list from a snapshot is not fresh.
 *
 * Answers:
 * - known: it is in the list, fresh or not.
 * - unknown: it is not, the list is fresh and holds all tokens. `confirm` asks once more before anyone is turned away.
 * - unsure: anything else. The door lets it in: losing the events of a good token is worse than storing those of a
 *   mistyped one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'
import { tokenNow, tokensChangedSince } from './token-changes.ts'
import type { TokenChange } from './token-changes.ts'
import {
  tokenRefreshFailed,
  tokenRefreshRecovered,
  tokenSnapshotUnreadable,
  tokenSnapshotUnsaved,
  tokensOverflowed,
  tokensRefreshed,
} from './token-directory.events.ts'
import { loadTokenSnapshot, saveTokenSnapshot } from './token-snapshot.ts'
import type { KnownToken } from './token-snapshot.ts'

export type TokenAnswer = KnownToken | { readonly kind: 'unknown' } | { readonly kind: 'unsure' }

export interface TokenDirectory {
  /** From memory, at once. */
  lookup(token: string): TokenAnswer
  /**
   * For a token whose look-up said `unknown`: asks Postgres itself, so that a token works as soon as it exists. `unsure`
   * when that fails. Bounded: beyond `confirmationsPerSecondMax` the answer comes from memory. Never rejects.
   */
  confirm(token: string): Promise<TokenAnswer>
  /** Stops following and saves what was not saved yet. Safe to call twice. The SQL client stays the caller's. */
  close(): Promise<void>
}

export interface TokenDirectoryOptions {
  /** Give it short timeouts: they bound `confirm`. */
  readonly sql: SqlSession
  /** Who tells of changes when they are made; without one they are found by asking every `refreshMs`. */
  readonly listener?: Pick<SqlClient, 'listen'>
  /** Its folder must exist. */
  readonly snapshotFile: string
  readonly telemetry: Telemetry
  readonly refreshMs?: number
  /** Least time between a refresh and the next one because something was heard. */
  readonly heardPauseMs?: number
  readonly reloadMs?: number
  readonly staleMs?: number
  /** How long opening waits for the first refresh; it goes on without. */
  readonly firstRefreshTimeoutMs?: number
  readonly tokensMax?: number
  /** Tokens read at once; each page holds up the process for a moment. */
  readonly pageTokens?: number
  /** The snapshot is written at most so often. */
  readonly snapshotEveryMs?: number
  readonly confirmationsPerSecondMax?: number
  /** How long an answer "nobody has it" of Postgres holds. */
  readonly refusalMs?: number
  readonly refusalsMax?: number
  /** Milliseconds of a clock that only goes forward. */
  readonly nowMs?: () => number
}

type Settings = Required<Omit<TokenDirectoryOptions, 'listener'>> & Pick<TokenDirectoryOptions, 'listener'>

/** What migration 0004 notifies. */
const channel = 'sluice_tokens'

const unknown = { kind: 'unknown' } as const
const unsure = { kind: 'unsure' } as const

/** Loads the snapshot, starts to follow, and resolves after the first refresh or `firstRefreshTimeoutMs`. */
export async function openTokenDirectory(options: TokenDirectoryOptions): Promise<TokenDirectory> {
  const settings: Settings = {
    refreshMs: 2000,
    heardPauseMs: 100,
    reloadMs: 600_000,
    staleMs: 10_000,
    firstRefreshTimeoutMs: 1000,
    tokensMax: 1_000_000,
    pageTokens: 2000,
    snapshotEveryMs: 10_000,
    confirmationsPerSecondMax: 50,
    refusalMs: 2000,
    refusalsMax: 10_000,
    nowMs: () => performance.now(),
    ...options,
  }
  const saved = await loadTokenSnapshot(settings.snapshotFile, settings.tokensMax).catch((error: unknown) => {
    tokenSnapshotUnreadable(error).emit(settings.telemetry)
    return new Map<string, KnownToken>()
  })
  const directory = new FollowingDirectory(settings, saved)
  await directory.follow()
  return directory
}

class FollowingDirectory implements TokenDirectory {
  readonly #settings: Settings
  readonly #stop = new AbortController()
  #list: Map<string, KnownToken>
  /** The next list while it is being read as a whole. */
  #nextList: Map<string, KnownToken> | undefined
  /** Version up to which the list holds every change. */
  #version = 0
  #refreshedAtMs = -Infinity
  #reloadedAtMs = -Infinity
  #savedAtMs = -Infinity
  #unsaved = false
  #overflowed = false
  #failing = false
  #following: Promise<void> = Promise.resolve()
  #listening: Promise<void> = Promise.resolve()
  /** Something changed since the last refresh began. */
  #heard = false
  /** Ends the wait for the next refresh. */
  #wake: () => void = () => undefined
  /** Questions on their way to Postgres, so that each is asked once. */
  readonly #asking = new Map<string, Promise<TokenAnswer>>()
  /** Tokens that Postgres did not have, and until when that holds. Oldest first. */
  readonly #refusedUntilMs = new Map<string, number>()
  #askedSinceMs = -Infinity
  #asked = 0

  constructor(settings: Settings, saved: Map<string, KnownToken>) {
    this.#settings = settings
    this.#list = saved
  }

  lookup(token: string): TokenAnswer {
    const known = this.#list.get(token)
    if (known !== undefined) return known
    const fresh = this.#settings.nowMs() - this.#refreshedAtMs < this.#settings.staleMs
    return fresh && !this.#overflowed ? unknown : unsure
  }

  async confirm(token: string): Promise<TokenAnswer> {
    const known = this.#list.get(token)
    if (known !== undefined) return known
    const now = this.#settings.nowMs()
    const refusedUntil = this.#refusedUntilMs.get(token)
    if (refusedUntil !== undefined && now < refusedUntil) return unknown
    const underway = this.#asking.get(token)
    if (underway !== undefined) return await underway
    if (!this.#mayAsk(now)) return this.lookup(token)
    const question = this.#ask(token).finally(() => this.#asking.delete(token))
    this.#asking.set(token, question)
    return await question
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#wake()
    await this.#following
    await this.#listening
    if (this.#unsaved) await this.#save()
  }

  /** Resolves after the first refresh, or when waiting for it takes too long. */
  async follow(): Promise<void> {
    const { listener, firstRefreshTimeoutMs } = this.#settings
    const first = this.#refresh()
    const hear = (): void => {
      this.#heard = true
      this.#wake()
    }
    if (listener !== undefined) this.#listening = listener.listen(channel, hear, this.#stop.signal)
    this.#following = first.then(() => this.#refreshForEver())
    const patience = new AbortController()
    const timeout = sleep(firstRefreshTimeoutMs, undefined, { signal: patience.signal })
    await Promise.race([first, timeout.catch(() => undefined)])
    patience.abort()
  }

  async #refreshForEver(): Promise<void> {
    const { refreshMs, heardPauseMs } = this.#settings
    const { signal } = this.#stop
    const pauseMs = Math.min(heardPauseMs, refreshMs)
    while (true) {
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
      if (!this.#heard) await this.#untilHeard(refreshMs - pauseMs)
      if (signal.aborted) return
      await this.#refresh()
    }
  }

  /** At most so long. */
  async #untilHeard(timeoutMs: number): Promise<void> {
    if (this.#stop.signal.aborted) return
    await new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, timeoutMs)
      this.#wake = () => {
        clearTimeout(timeout)
        resolve()
      }
    })
  }

  /** Never rejects: whether it worked shows in how fresh the list is. */
  async #refresh(): Promise<void> {
    const { telemetry, nowMs, reloadMs, snapshotEveryMs } = this.#settings
    const beganMs = nowMs()
    // What is heard from here on may be missing in what is read now.
    this.#heard = false
    try {
      if (beganMs - this.#reloadedAtMs >= reloadMs) await this.#reload(beganMs)
      else await this.#readChanges(this.#list, this.#version)
      this.#refreshedAtMs = beganMs
      tokensRefreshed(this.#list.size, nowMs() - beganMs).emit(telemetry)
      if (this.#failing) tokenRefreshRecovered(this.#list.size).emit(telemetry)
      this.#failing = false
    } catch (error) {
      if (this.#stop.signal.aborted) return
      tokenRefreshFailed(error, !this.#failing).emit(telemetry)
      this.#failing = true
    }
    if (this.#unsaved && nowMs() - this.#savedAtMs >= snapshotEveryMs) await this.#save()
  }

  async #reload(beganMs: number): Promise<void> {
    const next = new Map<string, KnownToken>()
    this.#nextList = next
    try {
      const { version, fits } = await this.#readChanges(next, 0)
      this.#list = next
      this.#version = version
      this.#reloadedAtMs = beganMs
      this.#unsaved = true
      if (fits) this.#overflowed = false
    } finally {
      this.#nextList = undefined
    }
  }

  /** Brings `list` from `version` to the present. Applying a change twice changes nothing, so it may be cut short. */
  async #readChanges(
    list: Map<string, KnownToken>,
    version: number,
  ): Promise<{ readonly version: number; readonly fits: boolean }> {
    const { sql, pageTokens } = this.#settings
    let fits = true
    let seen = version
    while (true) {
      const changes = await tokensChangedSince(sql, seen, pageTokens)
      this.#stop.signal.throwIfAborted()
      for (const change of changes) {
        fits = this.#put(list, change) && fits
        seen = change.version
      }
      if (list === this.#list) this.#version = seen
      if (changes.length > 0) this.#unsaved = true
      if (changes.length < pageTokens) return { version: seen, fits }
    }
  }

  /** False when there was no room. */
  #put(list: Map<string, KnownToken>, change: TokenChange): boolean {
    const { tokensMax, telemetry } = this.#settings
    const { token } = change
    if (change.revoked) {
      list.delete(token)
      return true
    }
    if (list.size >= tokensMax && !list.has(token)) {
      if (!this.#overflowed) tokensOverflowed(tokensMax).emit(telemetry)
      this.#overflowed = true
      return false
    }
    list.set(token, knownFrom(change))
    return true
  }

  /** One question to Postgres; what it says goes into the list when the list has not got there yet. */
  async #ask(token: string): Promise<TokenAnswer> {
    try {
      const change = await tokenNow(this.#settings.sql, token)
      if (change === undefined || change.revoked) {
        this.#rememberRefusal(token)
        return unknown
      }
      // A change the list has passed already is the list's to answer for: it may have been revoked meanwhile.
      if (change.version > this.#version) this.#put(this.#list, change)
      if (this.#nextList !== undefined) this.#put(this.#nextList, change)
      this.#unsaved = true
      return knownFrom(change)
    } catch {
      return unsure
    }
  }

  #mayAsk(now: number): boolean {
    const { confirmationsPerSecondMax } = this.#settings
    if (now - this.#askedSinceMs >= 1000) {
      this.#askedSinceMs = now
      this.#asked = 0
    }
    if (this.#asked >= confirmationsPerSecondMax || this.#asking.size >= confirmationsPerSecondMax) return false
    this.#asked += 1
    return true
  }

  #rememberRefusal(token: string): void {
    const { refusalMs, refusalsMax, nowMs } = this.#settings
    this.#refusedUntilMs.delete(token)
    if (this.#refusedUntilMs.size >= refusalsMax) {
      for (const oldest of this.#refusedUntilMs.keys()) {
        this.#refusedUntilMs.delete(oldest)
        break
      }
    }
    this.#refusedUntilMs.set(token, nowMs() + refusalMs)
  }

  async #save(): Promise<void> {
    this.#unsaved = false
    this.#savedAtMs = this.#settings.nowMs()
    try {
      await saveTokenSnapshot(this.#settings.snapshotFile, this.#list)
    } catch (error) {
      this.#unsaved = true
      tokenSnapshotUnsaved(error).emit(this.#settings.telemetry)
    }
  }
}

function knownFrom({ projectId, answers, policy }: TokenChange): KnownToken {
  return policy === undefined ? { kind: 'known', projectId, answers } : { kind: 'known', projectId, answers, policy }
}
