/** What every `Files` promises; the simulated disk keeps the same, so that what is proven over it holds on a real one. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf } from './failure.ts'
import type { Files, OpenFile } from './files.ts'
import { until } from './until.fixtures.ts'

/** `check` gets a folder of its own that is there. */
export function describeFiles(
  name: string,
  inFolder: (check: (files: Files, folder: string) => Promise<void>) => Promise<void>,
): void {
  describe(`${name} as files`, () => {
    it('makes, lists, renames over and removes files', async () => {
      await inFolder(async (files, folder) => {
        await files.makeFolder(folder)
        for (const file of ['b', 'a', 'c']) await write(files, `${folder}/${file}`, file)
        assert.deepEqual(await files.list(folder), ['a', 'b', 'c'])
        await files.rename(`${folder}/a`, `${folder}/c`)
        await files.remove(`${folder}/b`)
        await files.remove(`${folder}/b`)
        await files.syncFolder(folder)
        assert.deepEqual(await files.list(folder), ['c'])
        assert.equal(await text(files, `${folder}/c`), 'a')
      })
    })

    it('opens only what is there, and creates only what is not', async () => {
      await inFolder(async (files, folder) => {
        const path = `${folder}/file`
        await assert.rejects(files.open(path, 'read'), hasCode('ENOENT'))
        await assert.rejects(files.open(path, 'write'), hasCode('ENOENT'))
        await assert.rejects(files.rename(path, `${path}2`), hasCode('ENOENT'))
        await write(files, path, 'x')
        await assert.rejects(files.open(path, 'create'), hasCode('EEXIST'))
        assert.equal(await text(files, path), 'x')
      })
    })

    it('writes all of many buffers one after the other, over what is there and past the end', async () => {
      await inFolder(async (files, folder) => {
        const file = await files.open(`${folder}/file`, 'create')
        // More than a system takes at once.
        const buffers = Array.from({ length: 3000 }, (_, n) => Buffer.alloc(n % 5, n % 256))
        await file.write(buffers, 0)
        assert.deepEqual(await bytes(file), Buffer.concat(buffers))
        await file.write([Buffer.from('new'), Buffer.from('er')], 2)
        file.writeNow(Buffer.from('!'), 0)
        assert.equal((await bytes(file)).toString('latin1', 0, 7).replace(/^(.)./, '$1.'), '!.newer')
        const size = await file.sizeBytes()
        await file.write([Buffer.from('end')], size + 4)
        assert.deepEqual((await bytes(file)).subarray(size), Buffer.from('\0\0\0\0end'))
        await file.sync()
        await file.close()
      })
    })

    it('writes a file whose writes are synced like any other', async () => {
      await inFolder(async (files, folder) => {
        const path = `${folder}/file`
        const file = await files.open(path, 'create-synced')
        await file.write([Buffer.from('hello '), Buffer.from('world')], 0)
        await file.write([Buffer.from('H')], 0)
        assert.equal((await bytes(file)).toString(), 'Hello world')
        await assert.rejects(files.open(path, 'create-synced'), hasCode('EEXIST'))
        await file.close()
      })
    })

    it('reads as much as there is', async () => {
      await inFolder(async (files, folder) => {
        await write(files, `${folder}/file`, 'hello')
        const file = await files.open(`${folder}/file`, 'read')
        const into = Buffer.alloc(10)
        assert.equal(await file.read(into, 3), 2)
        assert.equal(into.toString('latin1', 0, 2), 'lo')
        assert.equal(await file.read(into, 5), 0)
        assert.equal(await file.read(into, 50), 0)
        await file.close()
      })
    })

    it('cuts a file, and refuses a closed one', async () => {
      await inFolder(async (files, folder) => {
        const file = await files.open(`${folder}/file`, 'create')
        await file.write([Buffer.from('hello')], 0)
        await file.truncate(2)
        assert.equal((await bytes(file)).toString(), 'he')
        await file.close()
        await assert.rejects(async () => file.read(Buffer.alloc(1), 0), hasCode('EBADF'))
      })
    })

    it('calls back after a file changed, until it is stopped, and knows what room there is', async () => {
      await inFolder(async (files, folder) => {
        const path = `${folder}/file`
        await write(files, path, 'x')
        let calls = 0
        const stop = files.watch(path, () => {
          calls++
        })
        const file = await files.open(path, 'write')
        await until('the change was noticed', async () => {
          await file.write([Buffer.from('y')], 0)
          return calls > 0
        })
        stop()
        await file.close()
        assert.ok((await files.freeBytes(folder)) > 0)
        assert.throws(() => files.watch(`${folder}/none`, () => undefined), hasCode('ENOENT'))
      })
    })
  })
}

async function write(files: Files, path: string, content: string): Promise<void> {
  const file = await files.open(path, 'create')
  await file.write([Buffer.from(content)], 0)
  await file.close()
}

async function text(files: Files, path: string): Promise<string> {
  const file = await files.open(path, 'read')
  const content = await bytes(file)
  await file.close()
  return content.toString()
}

async function bytes(file: OpenFile): Promise<Buffer> {
  const into = Buffer.alloc(await file.sizeBytes())
  assert.equal(await file.read(into, 0), into.length)
  return into
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => codeOf(error) === code
}
