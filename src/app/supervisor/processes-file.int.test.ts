import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runFolder } from './data-folder.ts'
import type { ListedProcess } from './processes-file.ts'
import { isAlive, readProcessesFile, writeProcessesFile } from './processes-file.ts'

/** With memory that takes a moment to be given back, and threads that do not end together. */
const program = `
  const held = Array.from({ length: 60 }, () => Buffer.alloc(2e6, 1))
  const server = require('node:net').createServer(() => held).listen(0, '127.0.0.1', () => console.log(server.address().port))`

describe('a process in the list', () => {
  it('is gone only when nobody can connect to it any more', async (test) => {
    for (let n = 0; n < 10; n++) {
      const { child, listed, port } = await aListedServer(test)
      assert.ok(isAlive(listed))
      child.kill('SIGKILL')
      while (isAlive(listed));
      const socket = connect(port, '127.0.0.1')
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
      assert.equal(error.code, 'ECONNREFUSED')
    }
  })

  it('is gone also when the list is written between its death and the moment that its parent notices', async (test) => {
    const { child, listed, list } = await aListedServer(test)
    child.kill('SIGKILL')
    // Without a pause in which this process, its parent, could notice.
    while (isAlive(listed));
    assert.equal(isAlive(list()), false)
    assert.equal(child.exitCode ?? child.signalCode, null)
  })
})

async function aListedServer(test: { after(clean: () => void): void }) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-processes-'))
  mkdirSync(join(folder, runFolder))
  const child: ChildProcess = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  test.after(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  assert.ok(child.stdout !== null && child.pid !== undefined)
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(said)
  const kept = { role: 'edge', state: 'ready', pid: child.pid, port, startedAt: '', restarts: 0 } as const
  const list = (): ListedProcess => {
    writeProcessesFile(folder, '', [kept])
    const [listed] = readProcessesFile(folder)?.processes ?? []
    assert.ok(listed !== undefined)
    return listed
  }
  return { child, listed: list(), port, list }
}
