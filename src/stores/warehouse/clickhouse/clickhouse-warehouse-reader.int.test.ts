import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { codeOf, Failure } from '../../../kit/failure.ts'
import { service } from '../../../kit/service.fixtures.ts'
import { describeWarehouseReader } from '../warehouse-reader.contract.ts'
import { openClickhouseWarehouseReader } from './clickhouse-warehouse-reader.ts'
import { openClickhouseWarehouse } from './clickhouse-warehouse.ts'
import { lookAt, openServer, ownOptions } from './clickhouse.fixtures.ts'

const { address, skip } = service('CLICKHOUSE_HOST')
const fewQuestions = { questionsAtOnceMax: 2, questionsWaitingMax: 1, questionThreadsMax: 1 }

describe('questions to a ClickHouse server', { skip }, () => {
  describeWarehouseReader('ClickHouse over HTTP', async () => {
    const options = ownOptions(address)
    const look = lookAt(options)
    const server = await openServer(options)
    const warehouse = await openClickhouseWarehouse(server)
    const reader = openClickhouseWarehouseReader(server, fewQuestions)
    return {
      reader,
      warehouse,
      async computing() {
        // Others may use the server at the same time: what the suite lets compute for long is known by its text.
        const query =
          "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 1%' AND query NOT LIKE '%system.processes%'"
        return Number((await look.rows(query))[0]?.[0])
      },
      async remove() {
        await reader.close()
        await warehouse.close()
        await look.removeDatabases()
      },
    }
  })

  describe('beside its port', () => {
    const limits = { timeMs: 200, memoryBytes: 2 ** 28, rowsMax: 10, resultBytesMax: 10_000 }
    const question = { sql: 'SELECT 1', limits, signal: new AbortController().signal }

    /** A reader whose questions go to an address of their own. */
    const withOffline = async (
      answer: (request: IncomingMessage, response: ServerResponse) => void,
      check: (reader: ReturnType<typeof openClickhouseWarehouseReader>) => Promise<void>,
    ) => {
      const offline = createServer(answer)
      await new Promise<void>((resolve) => offline.listen(0, '127.0.0.1', resolve))
      const { port } = offline.address() as AddressInfo
      const options = ownOptions(address, { offlineUrl: `http://127.0.0.1:${String(port)}`, abandonAfterMs: 50 })
      const reader = openClickhouseWarehouseReader(await openServer(options), fewQuestions)
      try {
        await check(reader)
      } finally {
        await reader.close()
        offline.closeAllConnections()
        await new Promise((resolve) => offline.close(resolve))
        await lookAt(options).removeDatabases()
      }
    }

    it('sends heavy questions, and no others, to the machines that are kept for them', async () => {
      const answer = '{"meta":[],"data":[["offline"]],"statistics":{"elapsed":0,"rows_read":0,"bytes_read":0}}'
      await withOffline(
        (_, response) => response.end(answer),
        async (reader) => {
          assert.deepEqual((await reader.ask(question)).rows, [[1]])
          assert.deepEqual((await reader.ask({ ...question, isHeavy: true })).rows, [['offline']])
        },
      )
    })

    it('gives up on a server that is silent, when the time of the question is over', async () => {
      await withOffline(
        () => undefined,
        async (reader) => {
          await assert.rejects(
            reader.ask({ ...question, isHeavy: true }),
            (error) => codeOf(error) === 'SLUICE_QUERY_TIMEOUT',
          )
          const cancel = new AbortController()
          const asked = reader.ask({
            ...question,
            isHeavy: true,
            limits: { ...limits, timeMs: 60_000 },
            signal: cancel.signal,
          })
          cancel.abort()
          await assert.rejects(asked, (error) => codeOf(error) === 'SLUICE_QUERY_CANCELLED')
        },
      )
    })

    it('says that asking again may help when the connection breaks or the server has too much to do', async () => {
      const answers: ((response: ServerResponse) => void)[] = [
        (response) => response.destroy(),
        (response) => {
          response.writeHead(500, { 'x-clickhouse-exception-code': '202' })
          response.end('Code: 202. DB::Exception: Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)')
        },
        (response) => {
          response.writeHead(502)
          response.end('<html>Bad gateway</html>')
        },
      ]
      const codes: (string | undefined)[] = []
      for (const answer of answers) {
        await withOffline(
          (_, response) => answer(response),
          async (reader) => {
            await assert.rejects(reader.ask({ ...question, isHeavy: true }), (error) => {
              assert.ok(error instanceof Failure && error.retryable, String(error))
              codes.push(error.code)
              return true
            })
          },
        )
      }
      assert.deepEqual(codes, ['SLUICE_QUERY_FAILED', 'SLUICE_QUERY_BUSY', 'SLUICE_QUERY_FAILED'])
    })

    it('says why, and that asking again is of no use, when a question is refused before ClickHouse reads it', async () => {
      const refusals = [
        { status: 431, text: '', code: 'SLUICE_QUERY_TOO_LARGE', reason: /HTTP 431 Request Header Fields Too Large/ },
        { status: 414, text: '', code: 'SLUICE_QUERY_TOO_LARGE', reason: /HTTP 414 URI Too Long/ },
        { status: 403, text: '', code: 'SLUICE_QUERY_FAILED', reason: /^HTTP 403 Forbidden$/ },
        { status: 404, text: '<p>No such site', code: 'SLUICE_QUERY_FAILED', reason: /Not Found: <p>No such site$/ },
      ]
      for (const { status, text, code, reason } of refusals) {
        await withOffline(
          (_, response) => response.writeHead(status).end(text),
          async (reader) => {
            await assert.rejects(reader.ask({ ...question, isHeavy: true }), (error) => {
              assert.ok(error instanceof Failure)
              assert.deepEqual([error.code, error.retryable], [code, false])
              assert.match(error.message, reason)
              return true
            })
          },
        )
      }
    })

    it('refuses a question whose parameters are larger than the server takes, once and for all', async () => {
      const options = ownOptions(address)
      const reader = openClickhouseWarehouseReader(await openServer(options), fewQuestions)
      const asked = reader.ask({
        ...question,
        sql: 'SELECT length({text:String})',
        parameters: { text: 'x'.repeat(3 * 1024 ** 2) },
        limits: { ...limits, timeMs: 30_000 },
      })
      await assert.rejects(asked, (error) => {
        assert.ok(error instanceof Failure && !error.retryable, String(error))
        return error.message !== ''
      })
      await reader.close()
      await lookAt(options).removeDatabases()
    })
  })
})
