/** `sluice health`: whether each process that was started here does its work, for health checks of containers. */
import { askRole } from '../app/ask-role.ts'
import type { AskedRole } from '../app/ask-role.ts'
import type { Config } from '../app/config.ts'
import { roleSocket } from '../app/supervisor/data-folder.ts'
import type { ListedProcess } from '../app/supervisor/processes-file.ts'
import { isAlive, readProcessesFile } from '../app/supervisor/processes-file.ts'
import { messageOf } from '../kit/failure.ts'

/** Less than the patience of whoever checks. */
const answerTimeoutMs = 4000

/**
 * Exit code 0 when every process of the data folder is ready and every role answers, else 1. It is about this machine alone: what is
 * wrong with an engine elsewhere is not healed by a restart here, and `/_ready` tells it.
 */
export async function health(config: Config): Promise<number> {
  const file = readProcessesFile(config.data.dir)
  if (file === undefined) return say(1, `Nothing runs on ${config.data.dir}.`)
  // A socket's path may have 107 bytes; from inside the folder it is always short.
  process.chdir(config.data.dir)
  const complaints = (await Promise.all(file.processes.map(complaintAbout))).filter((one) => one !== undefined)
  return complaints.length > 0
    ? say(1, complaints.join('\n'))
    : say(0, `Healthy: ${file.processes.map(({ role }) => role).join(', ')}.`)
}

async function complaintAbout(one: ListedProcess): Promise<string | undefined> {
  if (one.state !== 'ready') return `The ${one.role} is not ready (${one.state}).`
  if (!isAlive(one)) return `The ${one.role} is gone.`
  if (!isAsked(one.role)) return undefined
  try {
    await askRole(one.role, { path: '/internal/status', timeoutMs: answerTimeoutMs })
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function isAsked(role: string): role is AskedRole {
  return Object.hasOwn(roleSocket, role)
}

function say(code: number, text: string): number {
  process.stdout.write(`${text}\n`)
  return code
}
