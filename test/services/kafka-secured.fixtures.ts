/** One broker that trusts nobody: logins over TLS, certificates of clients, and rights. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { AclOperations, AclPermissionTypes, Admin, ResourcePatternTypes, ResourceTypes } from '@platformatic/kafka'
import type { AclOperationLabel } from '@platformatic/kafka'
import type { KafkaMore } from '../../scripts/services/kafka.ts'
import { writeCertificate } from '../../src/kit/certificate.fixtures.ts'
import type { CertificateFiles } from '../../src/kit/certificate.fixtures.ts'

export const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
export const password = 'a secret = and more;'

/** Who may log in; what each of them may do is given to it by `allow`. */
const users = ['sluice', 'reader', 'writer', 'nobody'] as const

export interface Certificates {
  /** The broker's. */
  readonly broker: CertificateFiles
  /** A broker's of another host. */
  readonly elsewhere: CertificateFiles
  /** A client's that the broker knows. */
  readonly client: CertificateFiles
  /** A client's that it does not know. */
  readonly stranger: CertificateFiles
}

export function writeCertificates(folder: string): Certificates {
  return {
    broker: writeCertificate(folder, 'localhost', 'broker'),
    elsewhere: writeCertificate(folder, 'kafka.elsewhere.example', 'elsewhere'),
    client: writeCertificate(folder, 'sluice-client', 'client'),
    stranger: writeCertificate(folder, 'sluice-client', 'stranger'),
  }
}

/** As settings have it. */
export function base64Of(file: string): string {
  return readFileSync(file).toString('base64')
}

/** Listeners: LOGIN, BRIEF (whose logins hold for seconds), MUTUAL (asks for certificates) and ELSEWHERE. */
export function securedKafka(folder: string, certificates: Certificates): KafkaMore {
  const identity = (name: string, { certificateFile, keyFile }: CertificateFiles) => {
    const file = path.join(folder, `${name}.pem`)
    writeFileSync(file, readFileSync(keyFile, 'utf8') + readFileSync(certificateFile, 'utf8'), { mode: 0o600 })
    return { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': file }
  }
  const broker = identity('broker', certificates.broker)
  const plainUsers = users.map((user) => `user_${user}="${password}"`).join(' ')
  const login = (own: readonly string[]) => ({
    ...broker,
    'sasl.enabled.mechanisms': own.join(','),
    'plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${plainUsers};`,
    'scram-sha-256.sasl.jaas.config': scramLogin,
    'scram-sha-512.sasl.jaas.config': scramLogin,
  })
  return {
    listeners: [
      { name: 'LOGIN', protocol: 'SASL_SSL', host: '127.0.0.1', properties: login(mechanisms) },
      {
        name: 'BRIEF',
        protocol: 'SASL_SSL',
        host: 'localhost',
        properties: { ...login(mechanisms.slice(1)), 'scram-sha-512.connections.max.reauth.ms': 1500 },
      },
      {
        name: 'MUTUAL',
        protocol: 'SSL',
        host: '127.0.0.1',
        properties: {
          ...broker,
          'ssl.client.auth': 'required',
          'ssl.truststore.type': 'PEM',
          'ssl.truststore.location': certificates.client.certificateFile,
        },
      },
      {
        name: 'ELSEWHERE',
        protocol: 'SSL',
        host: 'localhost',
        properties: identity('elsewhere', certificates.elsewhere),
      },
    ],
    properties: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // Who comes over the plain listener: the broker itself, and tests that set it up.
      'super.users': 'User:ANONYMOUS',
    },
    scramUsers: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
      users.map((user) => `${mechanism}=[name=${user},password=${password}]`),
    ),
  }
}

const scramLogin = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'

export interface Right {
  readonly on: 'TOPIC' | 'GROUP' | 'CLUSTER'
  /** A prefix of names; of the cluster there is one. */
  readonly name: string
  readonly operations: readonly AclOperationLabel[]
}

/** Gives rights; `host` is the plain listener. */
export async function allow(host: string, principal: string, rights: readonly Right[]): Promise<void> {
  const admin = new Admin({ clientId: 'sluice-test-rights', bootstrapBrokers: [host], retries: 5, retryDelay: 200 })
  try {
    await admin.createAcls({
      creations: rights.flatMap(({ on, name, operations }) =>
        operations.map((operation) => ({
          resourceType: ResourceTypes[on],
          resourceName: on === 'CLUSTER' ? 'kafka-cluster' : name,
          resourcePatternType: on === 'CLUSTER' ? ResourcePatternTypes.LITERAL : ResourcePatternTypes.PREFIXED,
          principal: `User:${principal}`,
          host: '*',
          operation: AclOperations[operation],
          permissionType: AclPermissionTypes.ALLOW,
        })),
      ),
    })
  } finally {
    await admin.close()
  }
}
