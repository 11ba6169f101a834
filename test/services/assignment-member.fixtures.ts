/**
 * A process that shares partitions by a Kafka group, for tests that kill or freeze it: `node assignment-member.fixtures.ts <options>`
 * prints what it is told, a line each time. Imported, this file starts such processes.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { silent } from '../../src/kit/telemetry/telemetry.ts'
import { kafkaAssignment } from '../../src/stores/log/kafka/kafka-assignment.ts'
import type { KafkaAssignmentOptions } from '../../src/stores/log/kafka/kafka-assignment.ts'

export interface MemberProcess {
  /** What it was told last; undefined: nothing yet. */
  readonly partitions: readonly number[] | undefined
  freeze(): void
  thaw(): void
  kill(): Promise<void>
}

export function startMember({ telemetry: _, ...options }: KafkaAssignmentOptions): MemberProcess {
  const child = spawn(process.execPath, [import.meta.filename, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let partitions: readonly number[] | undefined
  createInterface({ input: child.stdout }).on('line', (line) => {
    partitions = JSON.parse(line) as readonly number[]
  })
  return {
    get partitions() {
      return partitions
    },
    freeze() {
      child.kill('SIGSTOP')
    },
    thaw() {
      child.kill('SIGCONT')
    },
    async kill() {
      const gone = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '') as Omit<KafkaAssignmentOptions, 'telemetry'>
  const assignment = kafkaAssignment({ ...options, telemetry: silent })
  for await (const partitions of assignment.follow(new AbortController().signal))
    process.stdout.write(`${JSON.stringify(partitions)}\n`)
}
