/**
 * `node clickhouse-front.ts FOLDER PORT`: ClickHouse's HTTP interface, as far as clients of ours use it, over chDB in this process.
 * It stands in where no real server can be had, and says so in the header `x-sluice-front: chdb` of every answer.
 *
 * As the server does it: the statement is the parameter `query` and, after it, the body; every other parameter of the URL is a
 * setting or a `param_…` of that statement alone; bodies may be compressed; errors have ClickHouse's text, its status and
 * `x-clickhouse-exception-code`; GET cannot write; a token of deduplication holds across connections and restarts.
 *
 * Otherwise than the server: an answer is sent when it is whole; there are no users but `default` without a password, no sessions,
 * no native compression, no replication, no clusters and no `system.query_log`. The engine names its queries itself: the id that a
 * client gives is kept in `log_comment`, and `KILL QUERY WHERE query_id …` is made to look there.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress, gzipSync } from 'node:zlib'
import { drainPending, Session } from 'chdb'
import { messageOf } from '../../src/kit/failure.ts'
import { sqlName, sqlString } from '../../src/stores/warehouse/sql-text.ts'
import { insertTargetOf } from './insert-statement.ts'

const bodyBytesMax = 512 * 1024 ** 2
/** Fewer than the threads of libuv, so that a kill always finds one. */
const statementsAtOnceMax = 20
const statementsWaitingMax = 500
const keepAliveMs = 30_000
const killPollMs = 50
const memoryBytesMax = 2 * 1024 ** 3
const cacheBytesMax = 64 * 1024 ** 2

/** What the server itself reads from the URL; all else is a setting. */
const notSettings = new Set([
  ...['query', 'query_id', 'database', 'default_format', 'user', 'password', 'quota_key', 'role', 'stacktrace'],
  ...['compress', 'decompress', 'buffer_size', 'wait_end_of_query', 'client_protocol_version', 'close_session'],
  ...['session_id', 'session_timeout', 'session_check'],
])

/** Kinds of error that are not the server's fault, by the status that it answers them with. */
const statusOfCode = new Map<number, number>([
  ...[6, 26, 27, 36, 38, 41, 43, 53, 62, 69, 72, 117, 130, 131, 386, 441].map((code) => [code, 400] as const),
  ...[192, 193, 516].map((code) => [code, 403] as const),
  ...[46, 47, 50, 56, 60, 63, 73, 81, 115].map((code) => [code, 404] as const),
  ...([
    [48, 501],
    [159, 408],
    [164, 403],
    [202, 503],
    [307, 413],
  ] as const),
])

class EngineError extends Error {
  readonly code: number

  constructor(code: number, text: string) {
    super(text)
    this.code = code
  }
}

interface Answer {
  readonly bytes: Uint8Array
  readonly format: string
  readonly rowsRead: number
  readonly bytesRead: number
  readonly rowsWritten: number
  readonly bytesWritten: number
}

interface Statement {
  readonly id: string
  readonly sql: string
  /** What came in the body beside a statement in the URL. */
  readonly data: Buffer
  readonly database: string | undefined
  readonly format: string
  readonly settings: readonly (readonly [name: string, value: string])[]
  readonly isReadonly: boolean
}

const [folder, portText] = process.argv.slice(2)
if (folder === undefined || portText === undefined) throw new Error('Usage: clickhouse-front.ts FOLDER PORT')
const port = Number(portText)

mkdirSync(folder, { recursive: true })
const configFile = path.join(folder, 'engine.xml')
writeFileSync(configFile, engineConfiguration())
/** Keeps the engine open; each statement has a session of its own, because what is SET stays on its session. */
const holder = new Session(folder, { connectionArgs: [`--config-file=${configFile}`] })

let running = 0
const waiting: (() => void)[] = []

/** As ClickHouse has it (http_max_uri_size): parameters of a question come in the address. */
const addressBytesMax = 1024 * 1024

const server = createServer({ maxHeaderSize: addressBytesMax }, (request, response) => {
  void answerTo(request, response).catch((error: unknown) => {
    if (response.headersSent) response.destroy()
    else refuse(response, error)
  })
})
server.keepAliveTimeout = keepAliveMs
server.listen(port, '127.0.0.1', () => {
  process.stdout.write(`A front over chDB listens on 127.0.0.1:${portText}.\n`)
})

for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.once(name, () => {
    server.close(() => {
      holder.close()
      void drainPending().then(() => process.exit(0))
    })
    server.closeAllConnections()
  })
}

async function answerTo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://front')
  response.setHeader('x-sluice-front', 'chdb')
  response.setHeader('x-clickhouse-server-display-name', 'chdb')
  response.setHeader('x-clickhouse-timezone', 'UTC')
  if (url.pathname === '/ping' || url.pathname === '/replicas_status') {
    request.resume()
    response.end('Ok.\n')
    return
  }
  checkUser(request, url.searchParams)
  const statement = await statementOf(request, url.searchParams)
  response.setHeader('x-clickhouse-query-id', statement.id)

  await takeTurn(isKill(statement.sql))
  const finished = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished && cancelsOnClose(statement)) void kill(statement, finished.signal)
  })
  try {
    send(request, response, statement, await run(statement))
  } finally {
    finished.abort()
    giveTurn()
  }
}

function checkUser(request: IncomingMessage, parameters: URLSearchParams): void {
  const basic = /^Basic (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const [basicUser, basicPassword] = Buffer.from(basic ?? '', 'base64')
    .toString()
    .split(/:(.*)/s)
  const user = headerOf(request, 'x-clickhouse-user') ?? parameters.get('user') ?? basicUser ?? ''
  const password = headerOf(request, 'x-clickhouse-key') ?? parameters.get('password') ?? basicPassword ?? ''
  if ((user === 'default' || user === '') && password === '') return
  throw new EngineError(
    516,
    `Code: 516. DB::Exception: ${user}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)`,
  )
}

async function statementOf(request: IncomingMessage, parameters: URLSearchParams): Promise<Statement> {
  for (const name of ['session_id', 'decompress', 'compress']) {
    const value = parameters.get(name)
    if (value === null || value === '0') continue
    throw new EngineError(48, `Code: 48. DB::Exception: The front over chDB does not know ${name}. (NOT_IMPLEMENTED)`)
  }
  const body = await bodyOf(request)
  const query = parameters.get('query') ?? ''
  const id = parameters.get('query_id') ?? headerOf(request, 'x-clickhouse-query-id') ?? randomUUID()
  return {
    id,
    sql: query === '' ? body.toString() : query,
    data: query === '' ? Buffer.alloc(0) : body,
    database: parameters.get('database') ?? headerOf(request, 'x-clickhouse-database'),
    format: parameters.get('default_format') ?? headerOf(request, 'x-clickhouse-format') ?? 'TabSeparated',
    settings: [...parameters].filter(([name]) => !notSettings.has(name)),
    isReadonly: request.method === 'GET' || request.method === 'HEAD',
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const stream = decoded(request, headerOf(request, 'content-encoding') ?? 'identity')
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > bodyBytesMax) stream.destroy(new Error('The body is too large for the front over chDB.'))
  })
  return await buffer(stream)
}

function decoded(request: IncomingMessage, encoding: string): Readable {
  const failing = <Stream extends Readable & NodeJS.WritableStream>(decoder: Stream): Stream => {
    request.once('error', (error) => decoder.destroy(error))
    request.once('aborted', () => decoder.destroy(new Error('The client went away.')))
    return request.pipe(decoder)
  }
  switch (encoding.toLowerCase()) {
    case 'identity':
      return request
    case 'gzip':
      return failing(createGunzip())
    case 'deflate':
      return failing(createInflate())
    case 'br':
      return failing(createBrotliDecompress())
    case 'zstd':
      return failing(createZstdDecompress())
    default:
      request.resume()
      throw new EngineError(48, `Code: 48. DB::Exception: Unknown content encoding ${encoding}. (NOT_IMPLEMENTED)`)
  }
}

async function run(statement: Statement): Promise<Answer> {
  const session = new Session(folder)
  try {
    const comment = statement.settings.some(([name]) => name === 'log_comment')
      ? []
      : [['log_comment', statement.id] as const]
    // Nothing can be set after this one.
    const isLast = ([name]: readonly [string, string]) => name === 'readonly'
    const settings = [...comment, ...statement.settings.filter((setting) => !isLast(setting))]
    if (statement.database !== undefined && statement.database !== '') {
      await session.queryAsync(`USE ${sqlName(statement.database)}`)
    }
    for (const [name, value] of settings) await set(session, name, value)
    const asked = statement.settings.find(isLast)?.[1]
    if (asked !== undefined && asked !== '0') await set(session, 'readonly', asked)
    else if (statement.isReadonly) await set(session, 'readonly', '2')
    return await runIn(session, statement)
  } finally {
    session.close()
  }
}

async function set(session: Session, name: string, value: string): Promise<void> {
  await session.queryAsync(`SET ${sqlName(name)} = ${sqlString(value)}`)
}

async function runIn(session: Session, { sql, data, format }: Statement): Promise<Answer> {
  const target = data.length > 0 ? insertTargetOf(sql) : undefined
  if (target !== undefined) {
    // Bytes as they came; as a part of the statement they would have to become a string.
    const { rowsWritten, bytesWritten } = await session.insert({ ...target, values: data })
    return { bytes: new Uint8Array(0), format, rowsRead: 0, bytesRead: 0, rowsWritten, bytesWritten }
  }
  const whole = data.length > 0 ? `${sql}\n${data.toString()}` : sql
  const text = isKill(whole) ? whole.replaceAll(/\bquery_id\b/g, "Settings['log_comment']") : whole
  const result = await session.queryAsync(text, { format })
  const { rowsRead, bytesRead } = result
  const chosen = isInsert(text) ? undefined : [...text.matchAll(/\bFORMAT\s+(\w+)/gi)].at(-1)?.[1]
  return { bytes: result.bytes(), format: chosen ?? format, rowsRead, bytesRead, rowsWritten: 0, bytesWritten: 0 }
}

function send(request: IncomingMessage, response: ServerResponse, statement: Statement, answer: Answer): void {
  const { rowsRead, bytesRead, rowsWritten, bytesWritten } = answer
  const summary = {
    read_rows: String(rowsRead),
    read_bytes: String(bytesRead),
    written_rows: String(rowsWritten),
    written_bytes: String(bytesWritten),
    total_rows_to_read: '0',
    result_rows: String(rowsRead),
    result_bytes: String(answer.bytes.length),
  }
  response.setHeader('x-clickhouse-summary', JSON.stringify(summary))
  response.setHeader('x-clickhouse-format', answer.format)
  response.setHeader('content-type', contentTypeOf(answer.format))
  const isAsked = statement.settings.some(([name, value]) => name === 'enable_http_compression' && value !== '0')
  if (isAsked && /\bgzip\b/.test(headerOf(request, 'accept-encoding') ?? '')) {
    response.setHeader('content-encoding', 'gzip')
    response.end(gzipSync(answer.bytes, { level: 1 }))
  } else {
    response.end(answer.bytes)
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  const message = messageOf(error)
  const found = /Code: (\d+)\./.exec(message)
  const code = error instanceof EngineError ? error.code : Number(found?.[1] ?? 1000)
  // The package puts words of its own in front.
  const text = found === null ? `Code: 1000. DB::Exception: ${message} (POCO_EXCEPTION)` : message.slice(found.index)
  response.writeHead(statusOfCode.get(code) ?? 500, {
    'content-type': 'text/plain; charset=UTF-8',
    'x-clickhouse-exception-code': String(code),
    connection: 'close',
  })
  response.end(`${text.trimEnd()}\n`)
}

function cancelsOnClose({ settings, sql }: Statement): boolean {
  return (
    !isInsert(sql) &&
    settings.some(([name, value]) => name === 'cancel_http_readonly_queries_on_client_close' && value !== '0')
  )
}

/** The engine may not have begun with it yet, so it is killed until it is gone. */
async function kill(statement: Statement, finished: AbortSignal): Promise<void> {
  const comment = statement.settings.find(([name]) => name === 'log_comment')?.[1] ?? statement.id
  while (!finished.aborted) {
    await holder
      .queryAsync(`KILL QUERY WHERE Settings['log_comment'] = ${sqlString(comment)} ASYNC`)
      .catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, killPollMs))
  }
}

async function takeTurn(isUrgent: boolean): Promise<void> {
  if (isUrgent || running < statementsAtOnceMax) {
    running += 1
    return
  }
  if (waiting.length >= statementsWaitingMax) {
    throw new EngineError(
      202,
      'Code: 202. DB::Exception: Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)',
    )
  }
  // Whoever ends hands its turn over, so the number of those that run stays.
  await new Promise<void>((resolve) => waiting.push(resolve))
}

function giveTurn(): void {
  const next = waiting.shift()
  if (next === undefined) running -= 1
  else next()
}

function isKill(sql: string): boolean {
  return /^\s*KILL\s+QUERY\b/i.test(sql)
}

function isInsert(sql: string): boolean {
  return /^\s*INSERT\b/i.test(sql)
}

function contentTypeOf(format: string): string {
  if (/^JSON.*EachRow|^NDJSON/i.test(format)) return 'application/x-ndjson; charset=UTF-8'
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8'
  if (format.startsWith('CSV')) return 'text/csv; charset=UTF-8; header=absent'
  if (/^(TSV|TabSeparated)/.test(format)) return 'text/tab-separated-values; charset=UTF-8'
  return 'application/octet-stream'
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

function engineConfiguration(): string {
  const settings = {
    max_server_memory_usage: memoryBytesMax,
    mark_cache_size: cacheBytesMax,
    primary_index_cache_size: cacheBytesMax,
    uncompressed_cache_size: 0,
    background_pool_size: 2,
  }
  const lines = Object.entries(settings).map(([name, value]) => `  <${name}>${String(value)}</${name}>\n`)
  return `<clickhouse>\n${lines.join('')}</clickhouse>\n`
}
