import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { codeOf } from './failure.ts'
import { describeFiles } from './files.contract.ts'
import { nodeFiles } from './node-files.ts'

describeFiles('the real file system', async (check) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-files-'))
  try {
    await check(nodeFiles, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

describe('the real file system', () => {
  it('rejects a write for which there is no room', { skip: !existsSync('/dev/full') }, async () => {
    const file = await nodeFiles.open('/dev/full', 'write')
    await assert.rejects(file.write([Buffer.from('x')], 0), (error) => codeOf(error) === 'ENOSPC')
    await file.close()
  })

  it('rejects to list a folder that is not there', async () => {
    await assert.rejects(nodeFiles.list(join(tmpdir(), 'sluice-no-such-folder')), (error) => codeOf(error) === 'ENOENT')
  })
})
