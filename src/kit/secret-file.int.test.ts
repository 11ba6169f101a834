import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { link, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { codeOf } from './failure.ts'
import { secretFile } from './secret-file.ts'

describe('a secret file', () => {
  it('gives the same bytes at every call, as many as were asked for, to the owner alone', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'secret')
      const first = await secretFile(path, 32)
      assert.equal(first.length, 32)
      assert.deepEqual(await secretFile(path, 32), first)
      assert.equal((await stat(path)).mode & 0o777, 0o600)
      assert.notDeepEqual(await secretFile(join(folder, 'other'), 32), first)
    })
  })

  it('gives the same bytes to many calls at once, and leaves nothing beside', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'secret')
      const all = await Promise.all(Array.from({ length: 50 }, () => secretFile(path, 32)))
      assert.equal(new Set(all.map((bytes) => bytes.toString('hex'))).size, 1)
      assert.deepEqual(await secretFile(path, 32), all[0])
      assert.deepEqual(await readdir(folder), ['secret'])
    })
  })

  it('gives the same bytes to several processes that start at once', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'secret')
      const source = `import { secretFile } from ${JSON.stringify(new URL('./secret-file.ts', import.meta.url).href)}
        process.stdin.once('data', async () => {
          process.stdout.write((await secretFile(${JSON.stringify(path)}, 32)).toString('hex'))
          process.exit()
        })
        process.stderr.write('ready')`
      const children = Array.from({ length: 4 }, () => spawn(process.execPath, ['--input-type=module', '-e', source]))
      const texts = children.map(() => '')
      for (const [at, child] of children.entries()) {
        child.stdout.on('data', (chunk: Buffer) => {
          texts[at] = `${texts[at] ?? ''}${chunk.toString()}`
        })
      }
      const closed = children.map((child) => once(child, 'close'))
      await Promise.all(children.map((child) => once(child.stderr, 'data')))
      for (const child of children) child.stdin.end('go')
      await Promise.all(closed)
      assert.equal(texts[0]?.length, 64)
      assert.equal(new Set(texts).size, 1)
      assert.equal(await readFile(path, 'utf8'), texts[0])
    })
  })

  it('is not changed by a call after a crash that left its file under a second name', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'secret')
      const first = await secretFile(path, 32)
      // As a process leaves it that dies after the link; in a container the next one has the same number.
      await link(path, `${path}.${String(process.pid)}`)
      assert.deepEqual(await secretFile(path, 32), first)
      assert.equal(await readFile(path, 'utf8'), first.toString('hex'))
    })
  })

  it('rejects when its folder is not there', async () => {
    await inFolder(async (folder) => {
      await assert.rejects(secretFile(join(folder, 'no', 'secret'), 32), (error) => codeOf(error) === 'ENOENT')
    })
  })
})

async function inFolder(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-secret-'))
  try {
    await check(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
