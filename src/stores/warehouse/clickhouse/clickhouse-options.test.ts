import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf } from '../../../kit/failure.ts'
import { clickhouseUrl } from './clickhouse-options.ts'
import { checkVersion, versionMin } from './clickhouse-server.ts'

describe('the address of ClickHouse', () => {
  it('is a host as PostHog has it, or a URL', () => {
    const hosts: readonly (readonly [host: string, isSecure: boolean, url: string])[] = [
      ['localhost', false, 'http://localhost:8123'],
      ['localhost', true, 'https://localhost:8443'],
      ['clickhouse:9123', false, 'http://clickhouse:9123'],
      ['[::1]', false, 'http://[::1]:8123'],
      ['[::1]:80', false, 'http://[::1]'],
      ['http://clickhouse', true, 'http://clickhouse:8123'],
      ['https://clickhouse:443/', false, 'https://clickhouse'],
    ]
    for (const [host, isSecure, url] of hosts) assert.equal(clickhouseUrl(host, isSecure), url)
  })

  it('is refused with a login in it, and when it is none', () => {
    for (const host of [
      'http://user:secret@clickhouse:8123',
      'http://user:secret@a b',
      'a b',
      'clickhouse?user=x',
      '',
    ]) {
      assert.throws(
        () => clickhouseUrl(host, false),
        (error) => codeOf(error) === 'SLUICE_WAREHOUSE_ADDRESS' && !String(error).includes('secret'),
      )
    }
  })
})

describe('the release of ClickHouse', () => {
  it('is one that has everything, or the start is refused with both versions', () => {
    const oldest = versionMin.join('.')
    for (const version of [`${oldest}.1.1`, '25.12.3.7-stable', '26.7.2.1']) checkVersion(version)
    for (const version of ['18.16.1', '24.8.14.39', '25.7.9.1', 'unknown']) {
      assert.throws(
        () => checkVersion(version),
        (error) =>
          codeOf(error) === 'SLUICE_WAREHOUSE_ENGINE' &&
          String(error).includes(version) &&
          String(error).includes(oldest),
      )
    }
  })
})
