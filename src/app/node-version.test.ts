import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeVersionComplaint } from './node-version.ts'

describe('the version of Node', () => {
  it('is fine from 24.14.1 on', () => {
    for (const version of ['v24.14.1', 'v24.15.0', 'v25.0.0', 'v26.1.2']) {
      assert.equal(nodeVersionComplaint(version), undefined, version)
    }
  })

  it('is refused in words when it is older', () => {
    for (const version of ['v20.20.2', 'v22.22.2', 'v24.0.0', 'v24.14.0']) {
      assert.match(nodeVersionComplaint(version) ?? '', /24\.14\.1 or newer.*npm start/, version)
    }
  })
})
