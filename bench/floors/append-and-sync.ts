/**
 * Floor: what appending to a file and syncing it costs. `node append-and-sync.ts OPTIONS` (JSON) plays as many waiting
 * clients as the load has connections, without HTTP: each hands over a body, all that wait are written with one `writev` and
 * made durable with one `fdatasync`, and whoever was answered hands over the next one. Prints an AppendResult.
 */
import { closeSync, fdatasync, openSync, rmSync, writev } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createEvents } from '../load/event-bodies.ts'
import { percentilesOf } from '../statistics.ts'
import type { AppendOptions, AppendResult } from './append-plan.ts'

const write = promisify(writev)
const sync = promisify(fdatasync)

async function appendAndSync({ folder, batch, clients, requests }: AppendOptions): Promise<AppendResult> {
  const makeEvent = createEvents(1)
  const bodies = Array.from({ length: clients }, () =>
    Buffer.from(JSON.stringify({ batch: Array.from({ length: batch }, () => makeEvent(Date.now())) })),
  )
  const path = join(folder, `append-${String(process.pid)}`)
  const file = openSync(path, 'wx')
  const syncsMs: number[] = []
  try {
    const groups = Math.ceil(requests / clients)
    let bytes = 0
    let cpu = process.cpuUsage()
    let beganMs = performance.now()
    // The first fifth is for the compiler.
    const warmup = Math.ceil(groups / 5)
    for (let group = -warmup; group < groups; group++) {
      if (group === 0) {
        cpu = process.cpuUsage()
        beganMs = performance.now()
      }
      const { bytesWritten } = await write(file, bodies, bytes)
      bytes += bytesWritten
      const writtenMs = performance.now()
      await sync(file)
      if (group >= 0) syncsMs.push(performance.now() - writtenMs)
    }
    const { user, system } = process.cpuUsage(cpu)
    const events = groups * clients * batch
    const seconds = (performance.now() - beganMs) / 1000
    return {
      cpuUsPerEvent: (user + system) / events,
      eventsPerSecond: events / seconds,
      syncMs: percentilesOf(syncsMs),
    }
  } finally {
    closeSync(file)
    rmSync(path)
  }
}

const [optionsText] = process.argv.slice(2)
if (optionsText === undefined) throw new Error('Give AppendOptions as JSON; bench/run.ts does.')
// Made by parts/floors.ts.
process.stdout.write(`${JSON.stringify(await appendAndSync(JSON.parse(optionsText) as AppendOptions))}\n`)
