/** Self-signed certificates for tests; OpenSSL's command makes them, because Node reads certificates but makes none. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface CertificateFiles {
  readonly certificateFile: string
  readonly keyFile: string
}

export const openSslMissing: string | false = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'the command openssl is not there'
  }
})()

/** A folder that goes away after the test. */
export function aCertificateFolder(test: { after(clean: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'))
  test.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes both files; made again under the same names they are replaced. */
export function writeCertificate(folder: string, commonName: string, name = 'own'): CertificateFiles {
  const files = { certificateFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) }
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const more = ['-subj', `/CN=${commonName}`, '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', [...words, ...more, '-keyout', files.keyFile, '-out', files.certificateFile], {
    stdio: 'ignore',
  })
  return files
}
