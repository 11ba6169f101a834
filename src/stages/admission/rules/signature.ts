/**
 * Is the request signed, where the project wants that (C18)? Header `sluice-signature: t=<Unix ms>,v1=<64 hex digits>`: HMAC-SHA256
 * with the secret's text as key over `<t>\n<METHOD>\n<path and query as sent>\n` and the body as sent. Of several secrets any will do,
 * so that they can be changed without a gap.
 *
 * The same signature is good once: `seen-signatures.ts`. Whoever sends a request again signs it again.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createSeenSignatures } from './seen-signatures.ts'

export interface SignedParts {
  readonly method: string
  readonly target: string
  readonly signature: string | undefined
  readonly sentBody: Buffer
}

export type SignatureVerdict =
  { readonly kind: 'signed'; readonly undo: () => void } | { readonly kind: 'unsigned'; readonly reason: string }

export type CheckSignature = (request: SignedParts, secrets: readonly string[], nowMs: number) => SignatureVerdict

const headerShape = /^t=(\d{1,16}),v1=([\da-f]{64})$/

export function createSignatureCheck(settings: {
  readonly signatureAgeMsMax: number
  readonly signaturesMax: number
}): CheckSignature {
  const { signatureAgeMsMax } = settings
  const seen = createSeenSignatures({ ageMsMax: signatureAgeMsMax, signaturesMax: settings.signaturesMax })
  const seconds = String(signatureAgeMsMax / 1000)

  /** `undo` is for a request that could not be stored: the very same one may then come again. */
  return function checkSignature({ method, target, signature, sentBody }, secrets, nowMs) {
    if (signature === undefined) {
      return unsigned('this project takes signed requests only, and the header sluice-signature is missing')
    }
    const [, time = '', hex = ''] = headerShape.exec(signature) ?? []
    if (hex === '')
      return unsigned('the header sluice-signature must read t=<Unix milliseconds>,v1=<64 hex digits, lower case>')
    const timeMs = Number(time)
    const offMs = nowMs - timeMs
    if (Math.abs(offMs) > signatureAgeMsMax) {
      const side = offMs > 0 ? 'behind' : 'ahead of'
      return unsigned(
        `the time in sluice-signature is ${String(Math.round(Math.abs(offMs) / 1000))} s ${side} the server's, and may be ${seconds} s off`,
      )
    }
    const claimed = Buffer.from(hex, 'hex')
    const head = `${time}\n${method}\n${target}\n`
    if (!secrets.some((secret) => timingSafeEqual(claimed, hmacOf(secret, head, sentBody)))) {
      return unsigned(
        'sluice-signature does not fit the request: wrong secret, or method, path, query or body were changed',
      )
    }
    switch (seen.take(claimed, timeMs, nowMs)) {
      case 'seen':
        return unsigned('this sluice-signature was used before: sign each try anew')
      case 'unsure':
        return unsigned('this sluice-signature is too old for the many signed requests that came since: sign it anew')
      case 'new':
        return {
          kind: 'signed',
          undo: () => {
            seen.forget(claimed, timeMs)
          },
        }
    }
  }
}

function hmacOf(secret: string, head: string, body: Buffer): Buffer {
  return createHmac('sha256', secret).update(head).update(body).digest()
}

function unsigned(reason: string): SignatureVerdict {
  return { kind: 'unsigned', reason }
}
