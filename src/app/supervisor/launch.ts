/** How the supervisor starts one life of a process, whatever the process is. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../kit/failure.ts'
import type { Config } from '../config.ts'
import type { ReloadReport } from '../reload.ts'
import type { LaterMessage, StartMessage } from './role-channel.ts'
import { isRoleMessage } from './role-channel.ts'
import type { ReadyInfo, Role } from './role-context.ts'

export interface Life {
  /** 0 for the first start. */
  readonly restarts: number
  /** The port of an earlier life, so that port 0 stays what it became. */
  readonly port: number | undefined
  spawned(pid: number): void
  ready(info: ReadyInfo): void
  /** The process asks for the settings to be read again. */
  reload(): Promise<ReloadReport>
}

export interface Launched {
  /** Resolves when the process is gone. Never rejects. */
  readonly exited: Promise<Exit>
  /** Asks it to finish and end. */
  stop(): void
  /** Ends it at once. */
  kill(): void
  /** Gives it the settings as they are now; resolves with what it could not take. Undefined for what takes none. */
  tell?(config: Config, changed: readonly string[]): Promise<readonly string[]>
}

export interface Exit {
  /** `code 1`, `SIGKILL`, or why it never began. */
  readonly how: string
  /** Set when starting it again would end alike. */
  readonly refusal?: { readonly code: string; readonly message: string }
}

export type Launch = (life: Life) => Launched

export interface RoleProgram {
  readonly entryFile: string
  /** Beside the packages of the clone or the published package that runs, when not said. */
  readonly compileCacheFolder?: string
  /** As they are when a life begins. */
  readonly config: () => Config
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Gets what the process writes. */
  readonly output: (role: string, from: Readable) => void
}

const tellTimeoutMs = 10_000

/**
 * How V8 collects garbage. More helpers than one only take turns with what they help, on the machines that this runs on. The edge's
 * thread collects alone and seldom: beside hostile clients its helpers, the inflation thread's too, took a tenth of the core
 * that the door needs. Young garbage in smaller steps (a nursery of 4 MB: 1.4 ms instead of 7) is what hostile clients' neighbours
 * would like, and costs batches a quarter more.
 */
const engineFlags: Readonly<Record<Role, readonly string[]>> = {
  edge: ['--v8-pool-size=1', '--single-threaded-gc', '--initial-old-space-size=128'],
  core: ['--v8-pool-size=1'],
}

/** Launches `node <entryFile> --role <role>`. */
export function launchRole(role: Role, program: RoleProgram): Launch {
  return (life) => {
    const config = program.config()
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', ...engineFlags[role], program.entryFile, '--role', role],
      {
        cwd: config.data.dir,
        env: {
          // A process that finds here what Node compiled starts twice as fast and takes 28 MB less, because the compiler that
          // strips types is not even loaded. Node does without when it cannot write there.
          NODE_COMPILE_CACHE: program.compileCacheFolder ?? besidePackages(program.entryFile),
          // Each statement that ClickHouse runs holds a thread of this pool, and file work must not wait for them.
          UV_THREADPOOL_SIZE: '16',
          ...withoutSettings(program.environment),
        },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    )
    let refusal: Exit['refusal']
    const turns = new Map<number, (problems: readonly string[]) => void>()
    let lastTurn = 0
    // Whoever is gone meanwhile needs no message.
    const say = (message: StartMessage | LaterMessage) => child.connected && child.send(message, () => undefined)
    child.on('message', (message) => {
      if (!isRoleMessage(message)) return
      switch (message.kind) {
        case 'ready':
          life.ready(message.port === undefined ? {} : { port: message.port })
          break
        case 'refused':
          refusal = { code: message.code, message: message.message }
          break
        case 'settings-taken':
          turns.get(message.turn)?.(message.problems)
          break
        case 'reload-asked':
          void life.reload().then((report) => say({ kind: 'reload-told', turn: message.turn, report }))
          break
      }
    })
    // The child may be gone before it has read its settings; its exit says so.
    say({ kind: 'start', config: configOfLife(config, life) })
    program.output(role, child.stdout as Readable)
    program.output(role, child.stderr as Readable)
    if (child.pid !== undefined) life.spawned(child.pid)
    const gone = new Promise<readonly string[]>((resolve) => {
      // Its successor begins with the new settings.
      child.once('exit', () => resolve([]))
    })
    return {
      async tell(next, changed) {
        const turn = ++lastTurn
        const answer = new Promise<readonly string[]>((resolve) => turns.set(turn, resolve))
        say({ kind: 'settings', turn, config: configOfLife(next, life), changed })
        const late = sleep(tellTimeoutMs, [`The process ${role} has not said whether it took the settings.`], {
          ref: false,
        })
        try {
          return await Promise.race([answer, gone, late])
        } finally {
          turns.delete(turn)
        }
      },
      exited: new Promise((resolve) => {
        child.on('error', (error) => {
          if (child.pid === undefined) resolve({ how: messageOf(error) })
        })
        child.once('exit', (code, signal) => {
          resolve({ how: signal ?? `code ${String(code)}`, ...(refusal === undefined ? {} : { refusal }) })
        })
      }),
      stop: () => child.kill('SIGTERM'),
      kill: () => child.kill('SIGKILL'),
    }
  }
}

function besidePackages(entryFile: string): string {
  return resolve(entryFile, '..', '..', 'node_modules', '.cache', 'sluice')
}

/** Failpoints belong to the first life alone: a process that killed itself at each start would never recover. */
function configOfLife(config: Config, life: Life): Config {
  return {
    ...config,
    edge: config.edge.port === undefined ? config.edge : { ...config.edge, port: life.port ?? config.edge.port },
    diagnostics: { ...config.diagnostics, failpoints: life.restarts === 0 ? config.diagnostics.failpoints : '' },
  }
}

/** Settings reach a role over its channel; what the user set must not lie in its environment as well. */
function withoutSettings(environment: RoleProgram['environment']): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !name.startsWith('SLUICE_')) kept[name] = value
  }
  return kept
}
