import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, it } from 'node:test'
import { FolderLocked, lockFolder } from './folder-lock.ts'

const module = new URL('./folder-lock.ts', import.meta.url).href

function aFolder(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-lock-'))
  test.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Another process that runs the code with `lockFolder` and `folder` at hand, and its output until it says a first line. */
async function aProcess(test: TestContext, folder: string, code: string) {
  const program = `import { lockFolder } from ${JSON.stringify(module)}; const folder = ${JSON.stringify(folder)}; ${code}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  test.after(() => child.kill('SIGKILL'))
  let warnings = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (warnings += text))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, line: line.toString().trim(), warnings: () => warnings }
}

const holdForever = `await lockFolder(folder, 'x', { note: 'at work' }); console.log('held'); setInterval(() => gc?.(), 10)`

async function refusalOf(attempt: Promise<unknown>): Promise<FolderLocked> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof FolderLocked ? error : assert.fail('the lock was not refused')
}

describe('a folder lock', () => {
  it('is refused while another process holds it, naming that process', async (test) => {
    const folder = aFolder(test)
    const holder = await aProcess(test, folder, holdForever)
    const refusal = await refusalOf(lockFolder(folder, 'x'))
    assert.equal(refusal.holder?.pid, holder.child.pid)
    assert.equal(refusal.holder?.note, 'at work')
    assert.ok(refusal.message.includes(String(holder.child.pid)))
  })

  it('is free at once when its holder is killed', async (test) => {
    const folder = aFolder(test)
    const { child } = await aProcess(test, folder, holdForever)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const lock = await lockFolder(folder, 'x')
    lock.release()
  })

  it('is not inherited by what its holder starts', async (test) => {
    const folder = aFolder(test)
    const { child, line } = await aProcess(
      test,
      folder,
      `import { spawn } from 'node:child_process'
       await lockFolder(folder, 'x')
       console.log(spawn('/bin/sh', ['-c', 'read _'], { stdio: ['pipe', 'ignore', 'ignore'], detached: true }).pid)
       setInterval(() => undefined, 1000)`,
    )
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.ok(Number(line) > 0)
    const lock = await lockFolder(folder, 'x')
    lock.release()
  })

  it('is waited for as long as was asked, while its holder ends', async (test) => {
    const folder = aFolder(test)
    const { child } = await aProcess(test, folder, holdForever)
    const waiting = lockFolder(folder, 'x', { waitMs: 60_000 })
    child.kill('SIGKILL')
    const lock = await waiting
    lock.release()
  })

  it('is held though its owner forgot it', async (test) => {
    const folder = aFolder(test)
    const code = `import { setFlagsFromString } from 'node:v8'; import { runInNewContext } from 'node:vm'
      setFlagsFromString('--expose-gc'); const collect = runInNewContext('gc')
      await (async () => { await lockFolder(folder, 'x') })(); collect(); await new Promise((r) => setTimeout(r, 20)); collect()
      console.log('held'); setInterval(() => undefined, 1000)`
    await aProcess(test, folder, code)
    await refusalOf(lockFolder(folder, 'x'))
  })

  it('is refused to its own process, too, until it is released', async (test) => {
    const folder = aFolder(test)
    const lock = await lockFolder(folder, 'x')
    await refusalOf(lockFolder(folder, 'x'))
    lock.release()
    lock.release()
    const again = await lockFolder(folder, 'x')
    again.release()
  })

  it('leaves locks of other names alone', async (test) => {
    const folder = aFolder(test)
    const locks = [await lockFolder(folder, 'x'), await lockFolder(folder, 'y')]
    for (const lock of locks) lock.release()
  })

  it('tells others what was added later', async (test) => {
    const folder = aFolder(test)
    const lock = await lockFolder(folder, 'x')
    lock.describe('http://127.0.0.1:8000')
    assert.equal((await refusalOf(lockFolder(folder, 'x'))).holder?.note, 'http://127.0.0.1:8000')
    lock.release()
  })

  it('prints no warning about what it is made of, and lets other warnings pass', async (test) => {
    const { child, warnings } = await aProcess(
      test,
      aFolder(test),
      `await lockFolder(folder, 'x'); process.emitWarning('of something else'); console.log('held')`,
    )
    await once(child, 'close')
    assert.match(warnings(), /of something else/)
    assert.doesNotMatch(warnings(), /SQLite/)
  })
})
