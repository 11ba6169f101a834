import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { codeOf, messageOf } from '../../kit/failure.ts'
import { chdbEngineDefaults } from '../../stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine, type ChdbEngine } from '../../stores/warehouse/chdb/chdb-engine.ts'
import { openChdbWarehouseReader } from '../../stores/warehouse/chdb/chdb-warehouse-reader.ts'
import { openChdbWarehouse } from '../../stores/warehouse/chdb/chdb-warehouse.ts'
import type { WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'
import { aBlock, acceptedMs, aRow } from '../../stores/warehouse/warehouse.fixtures.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import { createAskSql, type AskSql } from './ask-sql.ts'
import { permittedFunctionNames } from './permitted-functions.ts'

/** Stands in every column of project 2; no answer or message to project 1 may ever hold it. */
const secret = 'canary-secret-7f3a'
const mine = 1
const theirs = 2

const names = ['$pageview', '$pageview', 'signed up', 'order completed']

describe('a question of a project', () => {
  let folder: string
  let engine: ChdbEngine
  let warehouse: Warehouse
  let reader: WarehouseReader
  let askSql: AskSql

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-scope-'))
    engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
    warehouse = await openChdbWarehouse(engine)
    reader = openChdbWarehouseReader(engine)
    askSql = createAskSql({ reader, timeMsMax: 10_000, memoryBytesMax: 512 * 1024 ** 2, rowsMax: 1000 })
    const own = names.map((event, at) =>
      aRow({
        _offset: at,
        event,
        distinct_id: at === 3 ? 'grace' : 'ada',
        timestamp: (acceptedMs + at * 3_600_000) * 1000,
        properties: JSON.stringify({ plan: at % 2 === 0 ? 'free' : 'team', value: at * 10, $os: 'Linux' }),
      }),
    )
    const other = aRow({
      _offset: 9,
      team_id: theirs,
      event: secret,
      distinct_id: secret,
      properties: JSON.stringify({ secret }),
    })
    await warehouse.insert(aBlock('mine', own))
    await warehouse.insert(aBlock('theirs', [other]))
    await reader.projectDatabase(theirs)
  })

  after(async () => {
    await reader.close()
    await warehouse.close()
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  })

  const ask = (sql: string, parameters: Record<string, unknown> = {}) =>
    askSql(mine, sql, parameters, new AbortController().signal)

  describe('is refused', () => {
    const escapes: readonly (string | readonly [string, Record<string, unknown>])[] = [
      // Tables of others
      'SELECT * FROM sluice.events',
      'SELECT * FROM `sluice`.`events`',
      'SELECT * FROM "sluice"."events"',
      'SELECT * FROM SLUICE.events',
      'SELECT * FROM project_2.events',
      'SELECT * FROM project_1.events',
      'SELECT * FROM default.events',
      'SELECT * FROM events, sluice.events AS e',
      'SELECT * FROM events AS a JOIN sluice.events AS b ON a.uuid = b.uuid',
      'SELECT 1 UNION ALL SELECT count() FROM sluice.events',
      'SELECT 1 INTERSECT SELECT count() FROM sluice.events',
      '(SELECT 1) EXCEPT (SELECT count() FROM sluice.events)',
      'SELECT * FROM (SELECT * FROM (SELECT * FROM sluice.events))',
      'SELECT (SELECT groupArray(event) FROM sluice.events)',
      'SELECT 1 WHERE EXISTS (SELECT 1 FROM sluice.events)',
      'WITH t AS (SELECT * FROM sluice.events) SELECT * FROM t',
      'WITH events AS (SELECT * FROM sluice.events) SELECT * FROM events',
      'WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x FROM t, sluice.events) SELECT * FROM t',
      'WITH (SELECT any(event) FROM sluice.events) AS x SELECT x',
      'SELECT * FROM events ORDER BY (SELECT any(event) FROM sluice.events)',
      'SELECT 1 LIMIT (SELECT count() FROM sluice.events)',
      'FROM sluice.events SELECT event',
      'SELECT 1 AS `a` /* FROM events */ FROM /* */ sluice /**/ . /**/ events',
      'SELECT sluice.events.event FROM sluice.events',
      'SELECT * FROM events ARRAY JOIN (SELECT groupArray(event) FROM sluice.events) AS x',
      // Tables where no table seems to be
      `SELECT '${secret}' IN sluice.events`,
      `SELECT tuple('${secret}') NOT IN (sluice.events)`,
      `SELECT in('${secret}', sluice.events)`,
      'SELECT uuid GLOBAL IN project_2.events FROM events',
      'WITH sluice.events AS t SELECT 1 IN t',
      'SELECT event IN system.tables FROM events',
      "SELECT joinGet(sluice.events, 'event', 1)",
      "SELECT joinGet('sluice.events', 'event', 1)",
      "SELECT dictGet('sluice.d', 'event', 1)",
      "SELECT hasColumnInTable('sluice', 'events', 'event')",
      // The engine's own tables
      'SELECT * FROM system.tables',
      'SELECT * FROM system.one',
      'SELECT * FROM information_schema.tables',
      'SELECT * FROM INFORMATION_SCHEMA.TABLES',
      'SELECT query FROM system.processes',
      // Table functions
      "SELECT * FROM merge('sluice', '.*')",
      "SELECT * FROM merge('.*')",
      "SELECT * FROM remote('127.0.0.1', 'sluice', 'events')",
      "SELECT * FROM remoteSecure('127.0.0.1', sluice.events)",
      "SELECT * FROM cluster('default', 'sluice', 'events')",
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
      "SELECT * FROM s3('http://127.0.0.1:1/', 'LineAsString')",
      "SELECT * FROM executable('id', 'LineAsString', 'x String')",
      'SELECT * FROM view(SELECT * FROM sluice.events)',
      "SELECT * FROM dictionary('sluice.events')",
      "SELECT * FROM mergeTreeIndex('sluice', 'events')",
      "SELECT * FROM mergeTreeParts('sluice', 'events')",
      'SELECT * FROM loop(sluice.events)',
      "SELECT * FROM viewIfPermitted(SELECT * FROM sluice.events ELSE null('x String'))",
      'SELECT * FROM numbers(10)',
      "SELECT * FROM generateRandom('x String')",
      "SELECT * FROM values('x String', 'a')",
      "SELECT * FROM input('x String')",
      "SELECT * FROM sqlite('/tmp/x', 'y')",
      "SELECT * FROM postgresql('127.0.0.1:5432', 'db', 'organisations', 'u', 'p')",
      // Functions
      'SELECT sleep(3)',
      'SELECT hostName()',
      'SELECT currentDatabase()',
      'SELECT DATABASE()',
      'SELECT version()',
      "SELECT getSetting('max_threads')",
      "SELECT getMacro('x')",
      "SELECT file('/etc/passwd')",
      "SELECT catboostEvaluate('/x', 1)",
      'SELECT addressToLine(1)',
      "SELECT aiGenerate('x', 'y')",
      'SELECT filesystemCapacity()',
      'SELECT currentUser()',
      'SELECT queryID()',
      'SELECT arrayMap(x -> sleep(x), [1])',
      "SELECT formatRow('CSV', 1)",
      "SELECT finalizeAggregation(CAST('x', 'AggregateFunction(sum, UInt8)'))",
      "SELECT CAST('x', 'AggregateFunction(uniq, String)')",
      "SELECT CAST('x', concat('Aggregate', 'Function(uniq, String)'))",
      "SELECT CAST('x' AS a, lower('STRING') AS b)",
      "WITH concat('Aggregate', 'Function(uniq, String)') AS t SELECT CAST('x', t)",
      "SELECT _CAST('x', concat('Aggregate', 'Function(uniq, String)'))",
      "SELECT accurateCastOrNull('x', concat('UInt', '8'))",
      "SELECT reinterpret('x', concat('Aggregate', 'Function(uniq, String)'))",
      "SELECT JSONExtract('{}', 'a', concat('Aggregate', 'Function(uniq, String)'))",
      ["SELECT CAST('x', {t:String})", { t: 'AggregateFunction(uniq, String)' }],
      'SELECT uniqMerge(event) FROM events',
      'SELECT * APPLY(sum) FROM events',
      "SELECT COLUMNS('e.*') APPLY(x -> sleep(x)) FROM events",
      'SELECT `sleep`(3)',
      'SELECT sLeEp(3)',
      // Clauses and settings
      'SELECT 1 SETTINGS max_execution_time = 0',
      'SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 0)',
      "SELECT * FROM events SETTINGS additional_table_filters = {'sluice.events': '1'}",
      "SELECT 1 INTO OUTFILE '/tmp/sluice-escape.txt'",
      "SELECT 1 INTO OUTFILE '/tmp/sluice-escape.txt' TRUNCATE FORMAT TSV",
      'SELECT 1 FORMAT TSV',
      'SELECT 1 FORMAT Null',
      // Other statements
      'SELECT 1; SELECT event FROM sluice.events',
      'SELECT 1; DROP TABLE sluice.events',
      '; SELECT event FROM sluice.events',
      'INSERT INTO sluice.events SELECT * FROM events',
      'CREATE TABLE x (a Int8) ENGINE = Memory',
      'CREATE VIEW v AS SELECT * FROM sluice.events',
      'DROP TABLE events',
      'ALTER TABLE events DELETE WHERE 1',
      'EXPLAIN SELECT 1',
      'EXPLAIN AST SELECT 1',
      'SHOW TABLES',
      'SHOW CREATE TABLE sluice.events',
      'DESCRIBE sluice.events',
      'EXISTS sluice.events',
      'KILL QUERY WHERE 1',
      'SYSTEM SHUTDOWN',
      'SET readonly = 0',
      'SET param_x = 1',
      'USE sluice',
      'ATTACH TABLE x',
      'OPTIMIZE TABLE sluice.events',
      "BACKUP TABLE sluice.events TO File('/tmp/x')",
      'TRUNCATE TABLE sluice.events',
      'BEGIN TRANSACTION',
      'SELECT 1 PARALLEL WITH SELECT 2',
      '',
      ' ',
      '-- nothing',
      // Names from parameters
      ['SELECT * FROM {t:Identifier}', { t: 'sluice.events' }],
      ['SELECT * FROM {d:Identifier}.events', { d: 'sluice' }],
      ['SELECT * FROM {d: identifier }.{t:Identifier}', { d: 'sluice', t: 'events' }],
      ['SELECT {c:Identifier} FROM events', { c: 'event' }],
      ['SELECT 1 IN {t:Identifier}', { t: 'sluice.events' }],
      // Names that write lines of the tree
      'SELECT 1 AS `x\n     Literal 1`, event FROM sluice.events',
      'SELECT 1 AS "x\\n TablesInSelectQuery" FROM events',
      'SELECT `a\nTableIdentifier events` FROM sluice.events',
      'SELECT * FROM `events (alias x)`.`y`',
      'SELECT * FROM `sluice.events`',
      'SELECT * FROM events AS `e\u2028` , sluice.events',
      // Clauses cut off by comments and quotes
      "SELECT event FROM events /* ' */ , sluice.events /* ' */",
      'SELECT 1 /*',
      "SELECT '\\'' FROM sluice.events --'",
      "SELECT '\\\\', event FROM sluice.events --'",
      "SELECT $heredoc$'$heredoc$ AS x, event FROM sluice.events",
    ]

    for (const escape of escapes) {
      const [sql, parameters] = typeof escape === 'string' ? [escape, {}] : escape
      it(JSON.stringify(sql), async () => {
        await assert.rejects(ask(sql, parameters), (error) => {
          assert.equal(codeOf(error), 'SLUICE_QUERY_REFUSED', messageOf(error))
          assert.ok(!messageOf(error).replaceAll(sql, '').includes(`"${secret}"`))
          return true
        })
      })
    }

    it('without having changed or written anything', async () => {
      assert.equal((await warehouse.size()).rows, names.length + 1)
      assert.ok(!(await readdir('/tmp')).includes('sluice-escape.txt'))
    })

    it('when it is too long or its parameters are no values', async () => {
      const parameters = [{ x: { a: 1 } }, { x: null }, { x: NaN }, { 'x; DROP': 1 }, { x: [[1]] }]
      for (const own of parameters) await assert.rejects(ask('SELECT 1', own), refusal)
      await assert.rejects(ask(`SELECT '${'x'.repeat(100_001)}'`), refusal)
      await assert.rejects(ask(`SELECT ${'('.repeat(5000)}1${')'.repeat(5000)}`), refusal)
    })

    it('for every function of the engine that is not named', async () => {
      const { rows } = await asOwner('SELECT name FROM system.functions')
      const known = new Set(rows.map(([name]) => String(name).toLowerCase()))
      const syntax = new Set(['lambda', 'exists', 'untuple', 'grouping'])
      const unknown = permittedFunctionNames.filter((name) => !known.has(name.toLowerCase()) && !syntax.has(name))
      assert.deepEqual(unknown, [])
    })

    it('for every database that the engine has', async () => {
      const { rows } = await asOwner('SELECT name FROM system.databases')
      for (const [name] of rows) {
        await assert.rejects(ask(`SELECT 1 IN \`${String(name)}\`.events`), refusal, String(name))
        await assert.rejects(ask(`SELECT * FROM \`${String(name)}\`.events`), refusal, String(name))
      }
    })
  })

  describe('is answered', () => {
    const questions: readonly (readonly [string, unknown, Record<string, unknown>?])[] = [
      ['SELECT count() FROM events', [['4']]],
      ['select Count(*) from events -- a comment', [['4']]],
      ["SELECT CAST('7' AS UInt8), '8'::UInt16, accurateCastOrDefault('x', 'UInt8', 5::UInt8)", [[7, 8, 5]]],
      ["SELECT JSONExtract('{\"a\": [1, 2]}', 'a', 'Array(UInt8)') AS a, {n:UInt8}", [[[1, 2], 3]], { n: 3 }],
      ['SELECT DISTINCT event FROM events ORDER BY event;', [['$pageview'], ['order completed'], ['signed up']]],
      [
        'SELECT toDate(timestamp) AS day, event, count() AS n FROM events GROUP BY day, event ORDER BY n DESC, event',
        [
          ['2026-03-10', '$pageview', '2'],
          ['2026-03-10', 'order completed', '1'],
          ['2026-03-10', 'signed up', '1'],
        ],
      ],
      [
        "SELECT JSONExtractString(properties, 'plan') AS plan, uniq(distinct_id) FROM events GROUP BY plan ORDER BY plan",
        [
          ['free', '1'],
          ['team', '2'],
        ],
      ],
      ["SELECT sumIf(JSONExtractInt(properties, 'value'), event = '$pageview') FROM events", [['10']]],
      ['SELECT e.event FROM events AS e WHERE e.distinct_id = {id:String}', [['order completed']], { id: 'grace' }],
      ['SELECT count() FROM events WHERE event IN ({events:Array(String)})', [['1']], { events: ['signed up', 'x'] }],
      [
        'SELECT {n:UInt8} + 1, {text:String}',
        [['2', "it's \n `x` \\ TableIdentifier"]],
        { n: 1, text: "it's \n `x` \\ TableIdentifier" },
      ],
      [
        "SELECT 'sluice.events', 'FORMAT', 'x\n TableIdentifier y; SELECT 1' AS text",
        [['sluice.events', 'FORMAT', 'x\n TableIdentifier y; SELECT 1']],
      ],
      ["WITH views AS (SELECT * FROM events WHERE event = '$pageview') SELECT count() FROM views", [['2']]],
      [
        "WITH 10 AS least_value SELECT count() FROM events WHERE JSONExtractInt(properties, 'value') > least_value",
        [['2']],
      ],
      ['WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT sum(x) FROM n', [['6']]],
      [
        "SELECT a.event, b.event FROM events AS a JOIN events AS b USING (uuid) WHERE a.distinct_id = 'grace'",
        [['order completed', 'order completed']],
      ],
      ["SELECT count() FROM events WHERE uuid IN (SELECT uuid FROM events WHERE distinct_id = 'ada')", [['3']]],
      ['WITH u AS (SELECT uuid FROM events LIMIT 2) SELECT count() FROM events WHERE uuid IN u', [['2']]],
      ['SELECT 1 AS x UNION ALL SELECT 1 UNION DISTINCT SELECT 1', [[1]]],
      ['SELECT arrayMap(x -> x * 2, [1, 2]), arrayFilter((x, i) -> i > 1, [5, 6], [1, 2])', [[[2, 4], [6]]]],
      [
        'SELECT event, row_number() OVER (PARTITION BY distinct_id ORDER BY timestamp) AS n FROM events ORDER BY timestamp LIMIT 2',
        [
          ['$pageview', '1'],
          ['$pageview', '2'],
        ],
      ],
      [
        "SELECT windowFunnel(86400)(toDateTime(timestamp), event = '$pageview', event = 'signed up') AS level FROM events GROUP BY distinct_id ORDER BY level",
        [[0], [2]],
      ],
      [
        "SELECT quantile(0.5)(JSONExtractFloat(properties, 'value')), topK(1)(event) FROM events",
        [[15, ['$pageview']]],
      ],
      [
        "SELECT CASE WHEN event LIKE '$%' THEN 'auto' ELSE 'own' END AS kind, count() FROM events GROUP BY kind HAVING count() > 1 ORDER BY kind",
        [
          ['auto', '2'],
          ['own', '2'],
        ],
      ],
      [
        "SELECT dateDiff('hour', min(timestamp), max(timestamp)), toStartOfHour(min(timestamp)) FROM events",
        [['3', '2026-03-10 12:00:00']],
      ],
      [
        "SELECT count() FROM events WHERE timestamp >= toDateTime('2026-03-10 13:00:00', 'UTC') AND timestamp < toDateTime('2026-03-10 00:00:00') + INTERVAL 1 MONTH",
        [['3']],
      ],
      [
        "SELECT * EXCEPT (properties, uuid, created_at, accepted_at, timestamp, team_id, distinct_hash) FROM events WHERE distinct_id = 'grace'",
        [['order completed', 'grace', '2026-03-10', '', 'Linux', '', '', '']],
      ],
      ["SELECT COLUMNS('^event$') FROM events ORDER BY timestamp LIMIT 1 BY event LIMIT 1", [['$pageview']]],
      [
        'SELECT k, v FROM (SELECT JSONExtractKeysAndValuesRaw(properties) AS kv FROM events LIMIT 1) ARRAY JOIN kv.1 AS k, kv.2 AS v ORDER BY k LIMIT 1',
        [['$os', '"Linux"']],
      ],
      [
        'SELECT countDistinct(distinct_id), count(DISTINCT event), uniqExactIf(event, 1), sumOrNullIf(1, 0) FROM events',
        [['2', '3', '3', null]],
      ],
      [
        'SELECT x::String, x BETWEEN 1 AND 3, -x, NOT x, x IS NULL, x ? 1 : 2 FROM (SELECT 2 AS x)',
        [['2', 1, -2, 0, 0, 1]],
      ],
      ['SELECT max(n) FROM (SELECT count() AS n FROM events GROUP BY GROUPING SETS ((event), (distinct_id)))', [['3']]],
      [
        "SELECT lower(replaceRegexpAll(event, '[^a-z]', '')) AS `a b` FROM events ORDER BY `a b` LIMIT 1",
        [['ordercompleted']],
      ],
      ['SELECT sum(x) FROM ((SELECT 1 AS x) UNION ALL (SELECT 2))', [['3']]],
      ['(SELECT 1) UNION ALL (SELECT 1)', [[1], [1]]],
      [String.raw`SELECT '\' FROM sluice.events --'`, [["' FROM sluice.events --"]]],
      ['SELECT toUInt64(1) AS format, 2 AS `settings`', [['1', 2]]],
      [`SELECT length('${'x'.repeat(90_000)}')`, [['90000']]],
    ]

    for (const [sql, expected, parameters] of questions) {
      it(JSON.stringify(sql).slice(0, 200), async () => {
        const { rows } = await ask(sql, parameters)
        const numbersAsText = (value: unknown): unknown =>
          Array.isArray(value) ? value.map(numbersAsText) : typeof value === 'number' ? String(value) : value
        assert.deepEqual(numbersAsText(rows), numbersAsText(expected))
      })
    }

    it('with the names and types of its columns', async () => {
      const { columns } = await ask('SELECT event, count() AS n FROM events GROUP BY event')
      assert.deepEqual(columns, [
        { name: 'event', type: 'LowCardinality(String)' },
        { name: 'n', type: 'UInt64' },
      ])
    })

    it('with every column of a row, and none of where it stands in the log', async () => {
      const { columns, rows } = await ask('SELECT * FROM events')
      const visible = [
        'uuid',
        'event',
        'properties',
        'timestamp',
        'distinct_id',
        'team_id',
        'created_at',
        'accepted_at',
        'day',
        'distinct_hash',
      ]
      const shown = columns.map(({ name }) => name)
      assert.deepEqual(shown.slice(0, visible.length), visible)
      for (const name of shown.slice(visible.length)) assert.match(name, /^property_/)
      assert.equal(rows.length, names.length)
      assert.ok(!JSON.stringify(rows).includes(secret))
    })
  })

  async function asOwner(sql: string) {
    return await reader.ask({
      sql,
      limits: { timeMs: 10_000, memoryBytes: 512 * 1024 ** 2, rowsMax: 10_000, resultBytesMax: 10 * 1024 ** 2 },
      signal: new AbortController().signal,
    })
  }
})

function refusal(error: unknown): boolean {
  assert.equal(codeOf(error), 'SLUICE_QUERY_REFUSED', messageOf(error))
  return true
}
