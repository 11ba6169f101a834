/**
 * The certificate that HTTPS shows: read again when its files change, and when the settings are. Files that are not usable change
 * nothing: the certificate that was shown so far is kept, and the log says why, once for each state of the files.
 */
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { Config } from '../config.ts'
import * as happened from './edge.events.ts'
import { readTlsFiles } from './tls-files.ts'
import type { TlsFiles } from './tls-files.ts'

export interface Certificates {
  /** What to begin with; undefined where TLS is off, or its files are not usable. */
  readonly first: TlsFiles | undefined
  /** Reads them by these settings from now on; resolves with what is wrong with them. */
  reread(settings: Config['tls']): Promise<readonly string[]>
  /** Hands over each usable state of the files that differs from the one before. */
  follow(take: (files: TlsFiles) => void, signal: AbortSignal): void
}

/** Files that are replaced by renaming, or through links as orchestrators do, are seen best by looking. */
const lookEveryMs = 5000

export async function openCertificates(
  initial: Config['tls'],
  { telemetry, everyMs = lookEveryMs }: { readonly telemetry: Telemetry; readonly everyMs?: number },
): Promise<Certificates> {
  let settings = initial
  let shown: string | undefined
  let complaint: string | undefined
  let take: (files: TlsFiles) => void = () => undefined

  async function look(): Promise<TlsFiles | string | undefined> {
    const read = await readTlsFiles(settings)
    if (read.kind === 'off') return undefined
    if (read.kind === 'problem') {
      if (read.problem !== complaint) happened.certificateKept(read.problem).emit(telemetry)
      complaint = read.problem
      return read.problem
    }
    complaint = undefined
    const { files } = read
    if (files.fingerprint === shown) return undefined
    shown = files.fingerprint
    happened.certificateTaken(settings.certificateFile ?? '', files.expires, files.isExpired).emit(telemetry)
    return files
  }

  async function lookAndTake(): Promise<readonly string[]> {
    const seen = await look()
    if (typeof seen === 'string') return [seen]
    if (seen !== undefined) take(seen)
    return []
  }

  const seen = await look()
  return {
    first: typeof seen === 'string' ? undefined : seen,
    reread(next) {
      // The port stays what it is until a restart.
      settings = { ...next, port: settings.port }
      return lookAndTake()
    },
    follow(next, signal) {
      take = next
      if (settings.port === 0) return
      let isLooking = false
      const timer = setInterval(() => {
        if (isLooking) return
        isLooking = true
        void lookAndTake().finally(() => {
          isLooking = false
        })
      }, everyMs)
      timer.unref()
      signal.addEventListener('abort', () => clearInterval(timer), { once: true })
    },
  }
}
