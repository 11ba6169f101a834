/** Certificate and key as they lie in their files, looked at before anybody depends on them. */
import { X509Certificate, createHash, createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { SecureContextOptions } from 'node:tls'
import { messageOf } from '../../kit/failure.ts'
import type { Config } from '../config.ts'

export interface TlsFiles {
  readonly context: Pick<SecureContextOptions, 'cert' | 'key' | 'minVersion'>
  /** When the certificate expires, as the certificate says it. */
  readonly expires: string
  readonly isExpired: boolean
  /** The same for the same files and settings. */
  readonly fingerprint: string
}

export type TlsFilesRead =
  | { readonly kind: 'off' }
  | { readonly kind: 'files'; readonly files: TlsFiles }
  | { readonly kind: 'problem'; readonly problem: string }

export async function readTlsFiles({
  port,
  certificateFile,
  keyFile,
  minVersion,
}: Config['tls']): Promise<TlsFilesRead> {
  if (port === 0 || certificateFile === undefined || keyFile === undefined) return { kind: 'off' }
  try {
    const cert = await readNamed(certificateFile, 'tls.certificateFile')
    const key = await readNamed(keyFile, 'tls.keyFile')
    const own = asked(`tls.certificateFile (${certificateFile}) holds no certificate`, () => new X509Certificate(cert))
    const privateKey = asked(`tls.keyFile (${keyFile}) holds no key`, () => createPrivateKey(key))
    if (!own.checkPrivateKey(privateKey))
      return problem(`tls.keyFile (${keyFile}) is not the key of the first certificate in ${certificateFile}`)
    const context = { cert, key, minVersion }
    asked('certificate and key cannot be used', () => createSecureContext(context))
    const fingerprint = createHash('sha256').update(minVersion).update(cert).update(key).digest('base64')
    const isExpired = own.validToDate.getTime() <= Date.now()
    return { kind: 'files', files: { context, expires: own.validTo, isExpired, fingerprint } }
  } catch (error) {
    return problem(messageOf(error))
  }
}

function problem(what: string): TlsFilesRead {
  return { kind: 'problem', problem: `${what}. Put the right files there, or set tls.port to 0.` }
}

async function readNamed(path: string, setting: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new Error(`${setting} (${path}) cannot be read: ${messageOf(cause)}`, { cause })
  }
}

function asked<T>(complaint: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new Error(`${complaint}: ${messageOf(cause)}`, { cause })
  }
}
