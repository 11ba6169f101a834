import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeVersionComplaint } from './node-version.ts'

describe('the version of Node', () => {
  it('is fine from the first one of its line that nobody can attack, and in newer lines', () => {
    for (const version of ['v24.14.1', 'v24.15.0', 'v24.21.0', 'v25.8.2', 'v25.9.0', 'v26.1.2']) {
      assert.equal(nodeVersionComplaint(version), undefined, version)
    }
  })

  it('is refused with the attacks on it and what to do', () => {
    for (const version of ['v24.0.0', 'v24.14.0', 'v25.0.0', 'v25.8.1']) {
      assert.match(nodeVersionComplaint(version) ?? '', /CVE-2026-21717.*CVE-2026-21710.*24\.14\.1 or newer.*npm start/)
    }
  })

  it('is refused when its line is older than any that is supported', () => {
    for (const version of ['v18.20.8', 'v20.20.2', 'v22.22.2', 'v23.11.1']) {
      assert.match(nodeVersionComplaint(version) ?? '', /24\.14\.1 or newer.*npm start/, version)
    }
  })

  it('may be that of a release candidate', () => {
    assert.equal(nodeVersionComplaint('v26.0.0-rc.1'), undefined)
  })
})
