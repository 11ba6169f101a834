/**
 * Floor: what `node:http` alone costs. Reads each body and answers as the edge does, receipt included, but looks at nothing
 * and stores nothing. Prints its port as JSON, then serves until its input closes.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const body = '{"status":"Ok"}'
const headers = [
  'sluice-receipt',
  'fsync; n=50; events_plugin_ingestion/3@1000000..events_plugin_ingestion/7@1000001',
  'sluice-verdicts',
  'stored=50',
  'content-type',
  'application/json',
  'content-length',
  String(body.length),
]

const server = createServer({ noDelay: true }, (request, response) => {
  request.on('data', () => undefined)
  request.on('end', () => {
    response.writeHead(200, headers)
    response.end(body)
  })
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
})
process.stdin.on('end', () => process.exit(0)).resume()
