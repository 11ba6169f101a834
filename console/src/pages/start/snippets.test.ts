import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { snippetsFor } from './snippets.ts'

describe('the snippets', () => {
  const snippets = snippetsFor('phc_abc', 'https://example.com/sluice')

  it('all hold the token and the host with its prefix', () => {
    for (const { name, code } of snippets) {
      assert.ok(code.includes('phc_abc'), name)
      assert.ok(code.includes('https://example.com/sluice'), name)
    }
  })

  it('send the same event by curl as by the SDKs', () => {
    const curl = snippets.find(({ id }) => id === 'curl')?.code ?? ''
    const body = /-d '(.*)'$/.exec(curl)?.[1] ?? ''
    assert.deepEqual(JSON.parse(body), {
      api_key: 'phc_abc',
      event: 'signed up',
      distinct_id: 'user-1',
      properties: { plan: 'free' },
    })
  })

  it('tell posthog-js nothing but where to send', () => {
    for (const { name, code } of snippets.filter(({ install }) => install === 'npm install posthog-js'))
      assert.match(code, /\{ api_host: '[^']+' \}/, name)
  })

  it('quote an address that a shell would read otherwise', () => {
    const curl = snippetsFor('phc_abc', 'https://example.com/a b').find(({ id }) => id === 'curl')
    assert.match(curl?.code ?? '', /'https:\/\/example\.com\/a b\/capture\/'/)
  })
})
