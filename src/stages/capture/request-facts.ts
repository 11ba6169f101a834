/** What a request says beside its body: query parameters (capture spec §3.1), token header (C5). */
export interface Query {
  readonly kind: 'query'
  /** Hint of `compression`, in lower case; undefined when absent. Unknown hints are no error. */
  readonly compression: string | undefined
  /** Client clock at sending (`_` or `sent_at`), Unix milliseconds; undefined when absent or in seconds. */
  readonly sentAtMs: number | undefined
  readonly isBeacon: boolean
  /** Parameter `data`, which counts before the body; undefined when absent or empty. */
  readonly data: Buffer | undefined
  /** `receipts=1`: the answer lists what became of each event. */
  readonly wantsReceipts: boolean
}

export type QueryRead = Query | { readonly kind: 'refused'; readonly message: string }

const noQuery: Query = {
  kind: 'query',
  compression: undefined,
  sentAtMs: undefined,
  isBeacon: false,
  data: undefined,
  wantsReceipts: false,
}
/** A clock that shows 2020 or earlier is one in seconds, or wrong. */
const sentAtMinMs = Date.UTC(2021, 0, 1)

export function readQuery(search: string): QueryRead {
  if (search === '') return noQuery
  const params = new URLSearchParams(search)
  for (const [name, alias] of [
    ['sent_at', '_'],
    ['lib_version', 'ver'],
  ] as const) {
    if (params.has(name) && params.has(alias)) return undeserializable(`duplicate field \`${name}\``)
  }
  const sentAt = params.get('sent_at') ?? params.get('_')
  const beacon = params.get('beacon')
  if (sentAt !== null && !isInteger(sentAt))
    return undeserializable(`${params.has('_') ? '_' : 'sent_at'}: invalid digit found in string`)
  if (beacon !== null && !isInteger(beacon)) return undeserializable('beacon: invalid digit found in string')
  const sentAtMs = sentAt === null ? undefined : Number(sentAt)
  const data = params.get('data')
  return {
    kind: 'query',
    compression: params.get('compression')?.toLowerCase(),
    sentAtMs: sentAtMs !== undefined && sentAtMs >= sentAtMinMs ? sentAtMs : undefined,
    isBeacon: beacon !== null && Number(beacon) === 1,
    data: data === null || data === '' ? undefined : Buffer.from(data),
    wantsReceipts: params.get('receipts') === '1',
  }
}

function undeserializable(detail: string): QueryRead {
  return { kind: 'refused', message: `Failed to deserialize query string: ${detail}` }
}

function isInteger(text: string): boolean {
  return /^-?\d{1,18}$/.test(text)
}

/** The token of `Authorization: Bearer …`; undefined when there is none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1]
}
