/**
 * Events like those that a browser SDK sends: about 0.85 KB of JSON with 20 and more properties. A seed decides everything but
 * times and uuids, so that two runs send the same.
 */
import { randomBytes } from 'node:crypto'
import { seededRandom } from '../../src/kit/seeded-random.ts'

export interface SentEvent {
  readonly uuid: string
  readonly event: string
  readonly distinct_id: string
  readonly timestamp: string
  readonly properties: Readonly<Record<string, unknown>>
}

export type MakeEvent = (nowMs: number) => SentEvent

const names = [
  '$pageview',
  '$autocapture',
  '$pageleave',
  'checkout started',
  'order completed',
  'search performed',
] as const
interface Device {
  readonly os: string
  readonly browser: string
  readonly version: number
  readonly type: string
  readonly screen: readonly [width: number, height: number]
}

const devices: readonly [Device, ...Device[]] = [
  { os: 'Windows', browser: 'Chrome', version: 141, type: 'Desktop', screen: [1920, 1080] },
  { os: 'Mac OS X', browser: 'Safari', version: 19, type: 'Desktop', screen: [1512, 982] },
  { os: 'iOS', browser: 'Mobile Safari', version: 19, type: 'Mobile', screen: [393, 852] },
  { os: 'Android', browser: 'Chrome', version: 141, type: 'Mobile', screen: [412, 915] },
  { os: 'Linux', browser: 'Firefox', version: 144, type: 'Desktop', screen: [2560, 1440] },
]
const pages = ['/', '/pricing', '/docs/install', '/articles/moving-house', '/shop/4711', '/basket', '/account'] as const
const referrers = ['$direct', 'https://www.google.com/', 'https://duckduckgo.com/', 'https://github.com/'] as const
const plans = ['free', 'team', 'business'] as const
const usersMax = 20_000

export function createEvents(seed: number): MakeEvent {
  const random = seededRandom(seed)
  const below = (end: number) => Math.floor(random() * end)
  const pick = <T>(list: readonly [T, ...T[]]): T => list[below(list.length)] ?? list[0]
  const hex = (digits: number) => Array.from({ length: digits }, () => below(16).toString(16)).join('')
  const id = () => `0198${hex(4)}-${hex(4)}-7${hex(3)}-a${hex(3)}-${hex(12)}`

  return function makeEvent(nowMs) {
    const { os, browser, version, type, screen } = pick(devices)
    const path = pick(pages)
    return {
      uuid: freshUuid(nowMs),
      event: pick(names),
      distinct_id: `visitor-${String(below(usersMax))}@example.org`,
      timestamp: new Date(nowMs - below(5000)).toISOString(),
      properties: {
        $os: os,
        $browser: browser,
        $browser_version: version,
        $device_type: type,
        $current_url: `https://www.example.org${path}?utm_source=newsletter`,
        $host: 'www.example.org',
        $pathname: path,
        $screen_width: screen[0],
        $screen_height: screen[1],
        $viewport_width: screen[0] - 16,
        $viewport_height: screen[1] - 120,
        $lib: 'web',
        $lib_version: '1.290.0',
        $insert_id: hex(16),
        $time: nowMs / 1000,
        $device_id: id(),
        $session_id: id(),
        $window_id: id(),
        $referrer: pick(referrers),
        $active_feature_flags: ['new-basket', 'short-form'],
        plan: pick(plans),
        basket_value: below(50_000) / 100,
        basket_items: below(12),
        is_returning: random() < 0.6,
      },
    }
  }
}

/**
 * UUIDv7 whose parts are told apart by who writes them: 12 digits of time and 8 of a counter are renewed in place, what lies
 * between is random and belongs to this process.
 */
const processDigits = randomBytes(6).toString('hex')
const template = `00000000-0000-7${processDigits.slice(0, 3)}-a${processDigits.slice(3, 6)}-${processDigits.slice(6, 10)}00000000`
const scratch = Buffer.alloc(template.length)

function freshUuid(nowMs: number): string {
  scratch.write(template, 'latin1')
  renewUuid(scratch, 0, nowMs)
  return scratch.toString('latin1')
}

const digits = Buffer.from('0123456789abcdef')
let counter = 0

/** Gives the uuid that stands at `at` another time and number. Runs for every event sent, so it allocates nothing. */
export function renewUuid(bytes: Buffer, at: number, nowMs: number): void {
  counter = (counter + 1) >>> 0
  // Multiplied by an odd number, a counter still gives every value once, but in no order: like the random end of a UUIDv7.
  writeHex(bytes, at + 28, 8, Math.imul(counter, 0x9e3779b1) >>> 0)
  writeHex(bytes, at, 8, Math.floor(nowMs / 65_536))
  writeHex(bytes, at + 9, 4, nowMs % 65_536)
}

function writeHex(bytes: Buffer, at: number, count: number, value: number): void {
  let left = value
  for (let i = at + count - 1; i >= at; i--) {
    bytes[i] = digits[left & 15] ?? 0
    left >>>= 4
  }
}
