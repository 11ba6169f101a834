/** Requests of the wire's table, damaged in all the ways in which networks, clients and people with intentions damage them. */
import type { Chance } from '../harness/seed.ts'
import { requestBytes } from './exchange.ts'
import type { Row } from './row.ts'

type Damage = (bytes: Buffer, chance: Chance, others: readonly Buffer[]) => Buffer

const headEnd = '\r\n\r\n'
const hostileHeaders = [
  'content-length: 0',
  'content-length: 7',
  'content-length: -1',
  'content-length: 99999999999999999999',
  'transfer-encoding: chunked',
  'transfer-encoding: gzip, chunked',
  'content-encoding: gzip',
  'content-encoding: br, gzip',
  'content-type: application/x-www-form-urlencoded',
  'connection: upgrade\r\nupgrade: websocket',
  'expect: 100-continue',
  'expect: the worst',
  'origin: \u0000',
  'origin: https://a.example, https://b.example',
  'authorization: Bearer',
  'x-forwarded-for: ,,,1.2.3.4',
  'sluice-signature: t=1,v1=2',
  ' folded: value',
  ': no name',
  'access-control-request-headers: a\tb',
]
const hostileTargets = [
  '/e/?data=',
  '/e/?data=%',
  '/batch/?compression=gzip&data=H4sI',
  '//e/',
  'http://x/e/',
  '*',
  '/e/?_=9e99',
  '/%00',
]
const hostileTexts = [
  '{"event":',
  '[[[[',
  '\u001f\u008b',
  'data=',
  '%',
  '\\ud800',
  '1e999',
  '"__proto__":',
  'N4Ig',
  '\ufeff',
  '\0',
]

const damages: readonly Damage[] = [
  function flipBits(bytes, chance) {
    const copy = Buffer.from(bytes)
    for (let left = chance.between(1, 8); left > 0; left--) {
      const at = chance.between(0, copy.length - 1)
      copy[at] = (copy[at] ?? 0) ^ (1 << chance.between(0, 7))
    }
    return copy
  },
  (bytes, chance) => bytes.subarray(0, chance.between(0, bytes.length)),
  (bytes, chance) => bytes.subarray(chance.between(0, bytes.length)),
  function repeatPart(bytes, chance) {
    const from = chance.between(0, bytes.length - 1)
    const part = bytes.subarray(from, from + chance.between(1, 200))
    return Buffer.concat([bytes.subarray(0, from), part, part, bytes.subarray(from)])
  },
  function splice(bytes, chance, others) {
    const other = chance.oneOf(others)
    const tail = other.subarray(chance.between(0, other.length))
    return Buffer.concat([bytes.subarray(0, chance.between(0, bytes.length)), tail])
  },
  (bytes, chance, others) => Buffer.concat([bytes, chance.oneOf(others)]),
  function addHeaders(bytes, chance) {
    const at = bytes.indexOf('\r\n') + 2
    const headers = Array.from({ length: chance.between(1, 3) }, () => `${chance.oneOf(hostileHeaders)}\r\n`)
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(headers.join(''), 'latin1'), bytes.subarray(at)])
  },
  function lieAboutLength(bytes, chance) {
    const text = bytes.toString('latin1')
    return Buffer.from(
      text.replace(/content-length: \d+/, `content-length: ${String(chance.between(0, 2000))}`),
      'latin1',
    )
  },
  function changeTarget(bytes, chance) {
    const text = bytes.toString('latin1')
    return Buffer.from(
      text.replace(/ \S* /, () => ` ${chance.oneOf(hostileTargets)} `),
      'latin1',
    )
  },
  function insertText(bytes, chance) {
    const from = Math.max(0, bytes.indexOf(headEnd))
    const at = chance.between(from, bytes.length)
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(chance.oneOf(hostileTexts)), bytes.subarray(at)])
  },
  (_, chance) => Buffer.from(Array.from({ length: chance.between(1, 600) }, () => chance.between(0, 255))),
]

/** The rows' own requests as bytes, the small ones. */
export function requestsOf(rows: readonly Row[]): readonly Buffer[] {
  return rows
    .map(({ send }) => (Buffer.isBuffer(send) ? send : requestBytes(send)))
    .filter((bytes) => bytes.length > 0 && bytes.length < 20_000)
}

/** One of the requests after up to two damages: of all its bytes, or of its body alone, which then reaches the decoders. */
export function damaged(requests: readonly Buffer[], chance: Chance): Buffer {
  const whole = chance.oneOf(requests)
  const at = whole.indexOf(headEnd) + headEnd.length
  if (chance.next() < 0.3 || at === whole.length) return damagedBytes(whole, requests, chance)
  const bodies = requests.map((bytes) => bytes.subarray(bytes.indexOf(headEnd) + headEnd.length))
  const body = damagedBytes(whole.subarray(at), bodies, chance)
  const head = whole.toString('latin1', 0, at).replace(/content-length: \d+/, `content-length: ${String(body.length)}`)
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

function damagedBytes(whole: Buffer, others: readonly Buffer[], chance: Chance): Buffer {
  let bytes = whole
  for (let left = chance.between(0, 2); left > 0 && bytes.length > 0; left--)
    bytes = chance.oneOf(damages)(bytes, chance, others)
  return bytes
}
