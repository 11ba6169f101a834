/**
 * What a project token may look like, and new ones. The rules are those of PostHog's capture: nearly anything goes,
 * because installations that people move from have tokens of their own.
 */
import { randomBytes } from 'node:crypto'

export type TokenRefusal = 'empty' | 'too_long' | 'not_ascii' | 'personal_api_key' | 'null_byte'

const tokenBytesMax = 64
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 62^43 is a little more than 2^256. */
const randomChars = 43

/** Why a token, trimmed before, cannot be one; undefined when it can. */
export function tokenRefusal(token: string): TokenRefusal | undefined {
  if (token === '') return 'empty'
  if (Buffer.byteLength(token) > tokenBytesMax) return 'too_long'
  let nul = false
  for (let at = 0; at < token.length; at++) {
    const code = token.charCodeAt(at)
    if (code > 127) return 'not_ascii'
    nul ||= code === 0
  }
  if (token.startsWith('phx_')) return 'personal_api_key'
  return nul ? 'null_byte' : undefined
}

/** By which SDKs write to a project. */
export function newProjectToken(): string {
  return `phc_${randomText()}`
}

/** By which a person or a program asks questions. */
export function newPersonalKey(): string {
  return `phx_${randomText()}`
}

/** By which a server signs what it sends. */
export function newSigningSecret(): string {
  return `sign_${randomText()}`
}

/** Every letter equally likely: bytes that would favour some are passed over. */
function randomText(): string {
  const fair = 256 - (256 % alphabet.length)
  let text = ''
  while (text.length < randomChars) {
    for (const byte of randomBytes(randomChars)) {
      if (byte < fair && text.length < randomChars) text += alphabet.charAt(byte % alphabet.length)
    }
  }
  return text
}
