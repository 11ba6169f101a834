/** Records of a lane as readers of PostHog's topics know them, out of the journals of an installation, whether it runs or not. */
import { foreignMessage } from '../event/envelope.ts'
import { isDerived } from '../event/flows.ts'
import { derivedBatchLines } from '../event/derived-batch.ts'
import type { Lane } from '../event/position.ts'
import type { EventLog, LogRecord } from '../stores/log/event-log.ts'

export interface WantedMessages {
  readonly lane: Lane
  /** All when undefined. */
  readonly partition: number | undefined
  /** First offset wanted of each partition; from what is still there when that is later. */
  readonly from: number
  readonly messagesMax: number
  /** Waits for more until told to stop; otherwise ends with what is durable now. */
  readonly follows: boolean
  readonly signal: AbortSignal
}

/** Headers and key are null, not missing, where there is none. */
export interface Message {
  readonly lane: Lane
  readonly partition: number
  readonly offset: number
  /** When the log took the record, Unix milliseconds. */
  readonly timeMs: number
  readonly key: string | null
  readonly headers: Readonly<Record<string, string | null>>
  /** JSON text. */
  readonly value: string
}

const readBytesMax = 1024 * 1024
/** A partition whose end is damaged never gets to it. */
const quietMsMax = 2000

export async function* readMessages(log: EventLog, wanted: WantedMessages): AsyncGenerator<Message> {
  const bounds = await log.bounds(wanted.lane)
  const from = bounds.map(({ begin }, partition) =>
    wanted.partition === undefined || wanted.partition === partition
      ? Math.max(begin, wanted.from)
      : Number.MAX_SAFE_INTEGER,
  )
  const unread = new Set(bounds.flatMap(({ end }, partition) => ((from[partition] ?? end) < end ? [partition] : [])))
  if (unread.size === 0 && !wanted.follows) return
  const enough = new AbortController()
  const signal = AbortSignal.any([wanted.signal, enough.signal])
  const quiet = wanted.follows ? undefined : setTimeout(() => enough.abort(), quietMsMax)
  let given = 0
  try {
    for await (const records of log.read([{ lane: wanted.lane, from }], { signal, batchBytesMax: readBytesMax })) {
      quiet?.refresh()
      for (const record of records) {
        const { partition, offset } = record.position
        if (offset >= (bounds[partition]?.end ?? 0) - 1) unread.delete(partition)
        if (!wanted.follows && offset >= (bounds[partition]?.end ?? 0)) continue
        for (const message of messagesOf(record)) {
          yield message
          if (++given >= wanted.messagesMax) return
        }
      }
      if (unread.size === 0 && !wanted.follows) return
    }
  } finally {
    clearTimeout(quiet)
    enough.abort()
  }
}

function messagesOf(record: LogRecord): readonly Message[] {
  const { lane, position, timeMs } = record
  const { partition, offset } = position
  const place = { lane, partition, offset, timeMs }
  // Of a derived batch, its rows are what others know.
  if (isDerived(lane)) {
    return derivedBatchLines(record.value).map((value) => ({ ...place, key: null, headers: {}, value }))
  }
  const message = foreignMessage(record)
  return message === undefined ? [] : [{ ...place, ...message }]
}
