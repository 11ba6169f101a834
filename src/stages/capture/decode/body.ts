/**
 * From a request's bytes to its JSON text. Sources: capture spec §3.3 to §3.5, §2 (sizes), §23.
 *
 * What a body is, it says itself; hints (`Content-Encoding`, `compression`, `Content-Type`) may be wrong or missing and
 * only choose the words of a refusal. It may be wrapped several times (gzip in base64 in a form, …), on every path:
 *
 * ```
 *  ┌─► JSON ─► done
 *  │   gzip, form, base64, lz-string, byte order mark: one layer off ─┐
 *  └──────────────── at most `layersMax` times ◄─────────────────────┘
 *      anything else: as it is, and the scanner says what is wrong with it
 * ```
 *
 * The two ordinary bodies, plain JSON and JSON in gzip, are known by their first byte and go round nowhere.
 *
 * Small bodies are inflated at once: another thread costs 2 µs of CPU an event more (batch of 50, 5 KB on the wire) than
 * the inflation's 0.7. What is large, or turns out to be, goes to the inflation thread, because it may grow to
 * `inflatedBytesMax` before it is refused.
 */
import { isUtf8 } from 'node:buffer'
import { codeOf } from '../../../kit/failure.ts'
import { base64Text, isBase64 } from './base64.ts'
import { looksLikeForm, readForm } from './form.ts'
import { atOnceInflatedBytesMax, atOnceWireBytesMax, inflateBy } from './inflation.ts'
import type { InflateLarge } from './inflation-thread.ts'
import { lzText } from './lz-text.ts'

export interface BodyLimits {
  /** JSON text of one request; exactly this much is accepted. */
  readonly inflatedBytesMax: number
}

export interface BodyHints {
  /** Request header `Content-Encoding`. */
  readonly contentEncoding: string | undefined
  /** Query parameter `compression`. */
  readonly compression: string | undefined
  /** Request header `Content-Type`. */
  readonly contentType?: string | undefined
}

/** JSON text, valid UTF-8. */
export interface DecodedBody {
  readonly kind: 'text'
  readonly body: Buffer
  /** The same text as it was sent, when that was gzip and nothing else had to be taken off. */
  readonly sent?: Buffer
}

/** The request is refused with this status and plain text (§10). */
export interface RefusedBody {
  readonly kind: 'refused'
  readonly status: 400 | 413 | 503
  readonly message: string
}

export type BodyOutcome = DecodedBody | RefusedBody

const invalidGzip = refused(400, 'failed to decode request: invalid GZIP data')
const invalidInflated = refused(400, 'failed to decode request: invalid gzip data')
const invalidUtf8 = refused(400, 'failed to decode request: invalid UTF8 in request payload')
const invalidLz = refused(400, 'failed to decode request: invalid LZ64 data')
const invalidForm = refused(400, 'failed to decode request: invalid urlencoded form data')
const noForm = refused(400, 'failed to decode request: expected form data in POST request payload')
const tooBusy = refused(503, 'transient error, please retry')

/** SDKs have three at most. */
const layersMax = 6

/** `client` is the address that sent it: large bodies of one who sent a bomb are sent away. */
export type DecodeBody = (body: Buffer, hints: BodyHints, client: string) => BodyOutcome | Promise<BodyOutcome>

export function createBodyDecoder(limits: BodyLimits, inflateLarge: InflateLarge): DecodeBody {
  const { inflatedBytesMax } = limits
  const inflate = inflater(limits, inflateLarge)

  const decodeBody: DecodeBody = (sent, hints, client) => {
    if (beginsAsJson(sent)) return asText(sent, hints, inflatedBytesMax)
    if (!beginsAsGzip(sent)) return unwrapped(sent, hints, client, false)
    const unlessWrapped = (inflated: BodyOutcome): ReturnType<DecodeBody> => {
      if (inflated.kind === 'refused') return inflated
      const { body } = inflated
      if (!beginsAsJson(body)) return unwrapped(body, hints, client, true)
      return isUtf8(body) ? { kind: 'text', body, sent } : invalidInflated
    }
    const outcome = inflate(sent, client)
    return outcome instanceof Promise ? outcome.then(unlessWrapped) : unlessWrapped(outcome)
  }

  async function unwrapped(sent: Buffer, hints: BodyHints, client: string, isInflated: boolean): Promise<BodyOutcome> {
    let body = sent
    let compression = hints.compression
    let wasGzip = isInflated
    let mayBeForm = true
    for (let layer = 0; layer < layersMax; layer++) {
      if (body.length > inflatedBytesMax) return tooLarge(inflatedBytesMax)
      if (beginsAsGzip(body)) {
        const outcome = await inflate(body, client)
        if (outcome.kind === 'refused') return outcome
        body = outcome.body
        wasGzip = true
      } else if (beginsWithMark(body)) body = body.subarray(3)
      else if (beginsAsJson(body, spaceEnd(body))) break
      else if (looksLikeForm(body)) {
        const form = readForm(body)
        if (form.kind === 'invalid') return invalidForm
        if (form.data === undefined) break
        body = form.data
        compression ??= form.compression
        mayBeForm = false
      } else {
        const isHintedLz = isLzHint(compression) || isLzHint(hints.contentEncoding)
        const inner = fromBase64(body, isHintedLz, inflatedBytesMax)
        if (inner === 'too_large') return tooLarge(inflatedBytesMax)
        if (inner === undefined) {
          if (isHintedLz) return invalidLz
          // Only what was not read as a form can be missing one.
          if (mayBeForm && isFormType(hints.contentType)) return noForm
          break
        }
        body = inner
      }
    }
    if (wasGzip && !isUtf8(body)) return invalidInflated
    return asText(body, { ...hints, compression }, inflatedBytesMax)
  }

  return decodeBody
}

/** What base64 or lz-string make of the text when it fits; undefined when neither does. */
function fromBase64(body: Buffer, isHintedLz: boolean, bytesMax: number): Buffer | 'too_large' | undefined {
  const text = base64Text(body)
  if (text === undefined) return undefined
  const inner = Buffer.from(text, 'base64')
  if (isPromising(inner)) return inner
  // What lz-string makes of `{…` and `[…` begins so: two bits, and the bits of the character from the last to the first.
  if (!isHintedLz && !text.startsWith('N')) return undefined
  const lz = lzText(text, bytesMax)
  if (lz.kind === 'too_large') return 'too_large'
  if (lz.kind === 'invalid') return undefined
  const lzInner = Buffer.from(lz.text)
  return isPromising(lzInner) ? lzInner : undefined
}

/** It is one of the things that a body may be, and not what comes of taking any word for base64. */
function isPromising(body: Buffer): boolean {
  return (
    beginsAsJson(body, spaceEnd(body)) ||
    beginsAsGzip(body) ||
    beginsWithMark(body) ||
    looksLikeForm(body) ||
    isBase64(body)
  )
}

function beginsAsJson(body: Buffer, at = 0): boolean {
  return body[at] === 0x7b || body[at] === 0x5b
}

function beginsAsGzip(body: Buffer): boolean {
  return body[0] === 0x1f && body[1] === 0x8b
}

/** A byte order mark, which some clients' JSON begins with; PostHog refuses it. */
function beginsWithMark(body: Buffer): boolean {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf
}

/** Where the space ends that JSON may begin with. */
function spaceEnd(body: Buffer): number {
  let at = 0
  for (let byte = body[0]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = body[at]) at++
  return at
}

function isGzipHint(hint: string | undefined): boolean {
  return hint !== undefined && /^gzip(?:-js)?$/i.test(hint)
}

function isLzHint(hint: string | undefined): boolean {
  return hint !== undefined && /^lz(?:64|-string)$/i.test(hint)
}

function isFormType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/x-www-form-urlencoded *(?:;|$)/i.test(contentType)
}

function asText(body: Buffer, hints: BodyHints, bytesMax: number): BodyOutcome {
  if (body.length > bytesMax) return tooLarge(bytesMax)
  if (isUtf8(body)) return { kind: 'text', body }
  // A browser's broken gzip may have lost its first bytes: then its hint says what is wrong.
  return isGzipHint(hints.compression) || isGzipHint(hints.contentEncoding) ? invalidGzip : invalidUtf8
}

/** Inflates what is small at once and the rest in the inflation thread. What comes out is not looked at. */
function inflater({ inflatedBytesMax }: BodyLimits, inflateLarge: InflateLarge) {
  async function large(body: Buffer, client: string): Promise<BodyOutcome> {
    const outcome = await inflateLarge(body, 'gzip', inflatedBytesMax, client)
    switch (outcome.kind) {
      case 'inflated':
        return { kind: 'text', body: outcome.body }
      case 'too_large':
        return tooLarge(outcome.bytesMax)
      case 'broken':
        return invalidGzip
      case 'busy':
        return tooBusy
    }
  }

  return function inflate(body: Buffer, client: string): BodyOutcome | Promise<BodyOutcome> {
    const hintBytes = inflatedSizeHint(body)
    if (body.length > atOnceWireBytesMax || hintBytes > atOnceInflatedBytesMax) return large(body, client)
    try {
      const maxOutputLength = Math.min(atOnceInflatedBytesMax, inflatedBytesMax)
      return { kind: 'text', body: inflateBy.gzip(body, { maxOutputLength, chunkSize: chunkSizeFor(hintBytes) }) }
    } catch (error) {
      if (codeOf(error) !== 'ERR_BUFFER_TOO_LARGE') return invalidGzip
      return inflatedBytesMax <= atOnceInflatedBytesMax ? tooLarge(inflatedBytesMax) : large(body, client)
    }
  }
}

/** What the last four bytes say the size is (modulo 4 GiB): a hint, which may lie. */
function inflatedSizeHint(body: Buffer): number {
  return body.length < 18 ? 0 : body.readUInt32LE(body.length - 4)
}

/** One chunk that the whole text fits into saves putting chunks together; a hint that lies costs at most 1 MiB for a moment. */
function chunkSizeFor(hintBytes: number): number {
  return Math.max(1024, Math.min(hintBytes + 1, atOnceInflatedBytesMax))
}

function tooLarge(bytesMax: number): RefusedBody {
  return refused(413, `maximum event size exceeded: the request's text is larger than ${String(bytesMax)} bytes`)
}

function refused(status: RefusedBody['status'], message: string): RefusedBody {
  return { kind: 'refused', status, message }
}
