import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf } from '../../kit/failure.ts'
import { propertyColumnName, propertyText } from './property-columns.ts'
import { aBlock, aRow, rowsAt } from './warehouse.fixtures.ts'
import type { Question, WarehouseReader } from './warehouse-reader.ts'
import type { Warehouse } from './warehouse.ts'

export interface OpenReader {
  /** Answers two questions at once; one more may wait. */
  readonly reader: WarehouseReader
  readonly warehouse: Warehouse
  /** How many questions compute at this moment, whoever asked them. */
  computing(): Promise<number>
  /** Closes and removes everything. */
  remove(): Promise<void>
}

/** What every `WarehouseReader` promises; `open` gives one beside an empty warehouse. */
export function describeWarehouseReader(name: string, open: () => Promise<OpenReader>): void {
  describe(`${name} as a warehouse reader`, () => {
    it('keeps its promises about answers, limits and cancelling', async (t) => {
      const opened = await open()
      const { reader, warehouse } = opened
      const computing = () => opened.computing()
      const promise = (title: string, check: () => Promise<void>) => t.test(title, check)
      const ask = (sql: string, own: Partial<Question> = {}) => reader.ask(question(sql, own))

      await promise('answers with columns, types and rows', async () => {
        const { columns, rows } = await ask("SELECT 1 AS one, 'a' AS text, [1, 2] AS list, NULL AS none")
        assert.deepEqual(columns.slice(0, 2), [
          { name: 'one', type: 'UInt8' },
          { name: 'text', type: 'String' },
        ])
        assert.deepEqual(rows, [[1, 'a', [1, 2], null]])
      })

      await promise('gives integers beyond 2^53 as text', async () => {
        const { rows } = await ask('SELECT toUInt64(18446744073709551615)')
        assert.deepEqual(rows, [['18446744073709551615']])
      })

      await promise('binds parameters as they are', async () => {
        const strange = [
          "'; DROP DATABASE sluice; --",
          'tab\t newline\n cr\r',
          'back\\slash \\n',
          '😀 \u0001',
          '',
          '{x:String}',
        ]
        for (const text of strange) {
          const { rows } = await ask('SELECT {text:String}, {list:Array(String)}', {
            parameters: { text, list: [text, text] },
          })
          assert.deepEqual(rows, [[text, [text, text]]])
        }
        const { rows } = await ask('SELECT {n:Int64} + 1, {f:Float64}, {b:Bool}, {l:Array(UInt8)}', {
          parameters: { n: -41, f: 1.5, b: true, l: [1, 2] },
        })
        assert.deepEqual(rows, [['-40', 1.5, true, [1, 2]]])
      })

      await promise('leaves nothing of a question for the next one', async () => {
        await ask('SELECT {secret:String}', { parameters: { secret: 'x' }, database: 'system' })
        await assert.rejects(ask('SELECT {secret:String}'), hasCode('SLUICE_QUERY_REFUSED'))
        const { rows } = await ask('SELECT currentDatabase()')
        assert.deepEqual(rows, [['default']])
      })

      await promise('keeps parameters of questions apart that are asked at once', async () => {
        const answers = await Promise.all(
          [1, 2].map((x) => ask('SELECT {x:UInt8}, count() FROM numbers(1000000)', { parameters: { x } })),
        )
        assert.deepEqual(
          answers.map(({ rows }) => rows[0]?.[0]),
          [1, 2],
        )
      })

      await promise('refuses what writes, reads files or changes settings', async () => {
        const statements = [
          'CREATE DATABASE stolen',
          'DROP TABLE sluice.events',
          'INSERT INTO sluice.schema_migrations VALUES (9, 9, 9, 9)',
          "SELECT * FROM file('/etc/hostname', 'LineAsString')",
          "SELECT * FROM url('http://localhost:1', 'LineAsString')",
          'SELECT 1 SETTINGS max_memory_usage = 0',
          'SET readonly = 0',
        ]
        for (const sql of statements) await assert.rejects(ask(sql), hasCode('SLUICE_QUERY_REFUSED'), sql)
      })

      await promise('ends a question that takes too long', async () => {
        await assert.rejects(ask(endless, limits({ timeMs: 200 })), hasCode('SLUICE_QUERY_TIMEOUT'))
        await until(async () => (await computing()) === 0)
      })

      await promise('ends a question that takes too much memory', async () => {
        const sql = 'SELECT length(groupArray(number)) FROM numbers(100000000)'
        await assert.rejects(ask(sql, limits({ memoryBytes: 32 * 1024 ** 2 })), hasCode('SLUICE_QUERY_MEMORY'))
      })

      await promise('refuses an answer of too many rows or bytes', async () => {
        const many = 'SELECT number FROM numbers(1000)'
        await assert.rejects(ask(many, limits({ rowsMax: 999 })), hasCode('SLUICE_QUERY_TOO_LARGE'))
        assert.equal((await ask(many, limits({ rowsMax: 1000 }))).rows.length, 1000)
        await assert.rejects(ask(many, limits({ resultBytesMax: 1000 })), hasCode('SLUICE_QUERY_TOO_LARGE'))
      })

      await promise('says what is wrong with a question', async () => {
        await assert.rejects(ask('SELECT nothing'), (error: Error) => error.message.includes('nothing'))
        await assert.rejects(ask('SELEC 1'), hasCode('SLUICE_QUERY_REFUSED'))
        const late = 'SELECT throwIf(number = 9000000) FROM numbers(10000000)'
        await assert.rejects(ask(late, limits({ rowsMax: 20_000_000 })), hasCode('SLUICE_QUERY_REFUSED'))
      })

      await promise('stops computing when it is cancelled', async () => {
        const cancel = new AbortController()
        const asked = ask(endless, { signal: cancel.signal })
        const rejected = assert.rejects(asked, hasCode('SLUICE_QUERY_CANCELLED'))
        await until(async () => (await computing()) === 1)
        cancel.abort()
        await rejected
        await until(async () => (await computing()) === 0)
      })

      await promise('stops a question that is cancelled before it began', async () => {
        await assert.rejects(ask(endless, { signal: AbortSignal.abort() }), hasCode('SLUICE_QUERY_CANCELLED'))
        const cancel = new AbortController()
        const asked = ask(endless, { signal: cancel.signal })
        cancel.abort()
        await assert.rejects(asked, hasCode('SLUICE_QUERY_CANCELLED'))
        await until(async () => (await computing()) === 0)
      })

      await promise('makes questions wait, cancellable, and refuses more than may wait', async () => {
        const cancel = new AbortController()
        const running = Promise.allSettled([1, 2].map(() => ask(endless, { signal: cancel.signal })))
        const waitingCancel = new AbortController()
        const left = ask('SELECT 1', { signal: waitingCancel.signal })
        await assert.rejects(ask('SELECT 1'), hasCode('SLUICE_QUERY_BUSY'))
        waitingCancel.abort()
        await assert.rejects(left, hasCode('SLUICE_QUERY_CANCELLED'))
        const waiting = ask('SELECT 1')
        cancel.abort()
        assert.deepEqual((await waiting).rows, [[1]])
        await running
      })

      await promise('shows a project its own rows, the newest version of each, without the expired', async () => {
        await warehouse.insert(aBlock('mine', rowsAt([1, 2], { team_id: 11 })))
        await warehouse.insert(aBlock('newer', rowsAt([2], { team_id: 11, version: 2, properties: '{"duration":3}' })))
        await warehouse.insert(aBlock('theirs', rowsAt([3], { team_id: 12 })))
        await warehouse.insert(aBlock('gone', rowsAt([4], { team_id: 11, expires_at: 1 })))
        const database = await reader.projectDatabase(11)
        const { rows } = await ask('SELECT properties FROM events ORDER BY uuid', { database })
        assert.deepEqual(rows, [['{"$browser":"Firefox"}'], ['{"duration":3}']])
      })

      await promise(
        'reads a property the same way with a column as without, in rows from before and after',
        async () => {
          const texts = Object.entries(propertiesAndTexts)
          const strange = 'pl\'an \\ `x` "y" 😀'
          const rows = [...texts, ...texts].map(([value], at) =>
            aRow({
              team_id: 21,
              _offset: at,
              properties: JSON.stringify({ [strange]: 'strange' }).replace('{', `{"p":${value},`),
            }),
          )
          await warehouse.insert(aBlock('before-columns', rows.slice(0, texts.length)))
          const none = new Map<string, string>()
          for (const property of ['p', strange]) assert.equal(await warehouse.addPropertyColumn(property), 'added')
          await warehouse.insert(aBlock('after-columns', rows.slice(texts.length)))
          await until(async () => (await reader.propertyColumns()).size >= 2 + hotProperties.length)
          const columns = await reader.propertyColumns()
          const database = await reader.projectDatabase(21)
          const read = async () => {
            const { rows: found } = await ask(
              `SELECT ${propertyText('p', columns)}, ${propertyText('p', none)}, ${propertyText(strange, columns)}, ${propertyText(strange, none)},
              ${propertyText('missing', none)} FROM events ORDER BY uuid`,
              { database },
            )
            const wanted = [...texts, ...texts].map(([, text]) => [text, text, 'strange', 'strange', ''])
            assert.deepEqual(found, wanted)
          }
          await read()
          assert.notEqual((await warehouse.maintain()).kind, 'merged')
          await until(async () => (await warehouse.maintain()).kind === 'none')
          await read()
        },
      )

      await promise('has columns from the start for what everybody asks for', async () => {
        const columns = await reader.propertyColumns()
        for (const property of hotProperties) assert.equal(columns.get(property), propertyColumnName(property))
      })

      await promise('names the table itself, which has the rows of all projects', async () => {
        const sql = `SELECT uniqExact(team_id) >= 2, uniqExact(_offset) > 1 FROM ${reader.tableName('events')}`
        assert.deepEqual((await ask(sql)).rows, [[1, 1]])
      })

      await promise('has no view for the canaries', async () => {
        await assert.rejects(reader.projectDatabase(0), hasCode('SLUICE_QUERY_REFUSED'))
      })

      await promise('ends what runs when it is closed', async () => {
        const asked = assert.rejects(ask(endless), hasCode('SLUICE_QUERY_CANCELLED'))
        await until(async () => (await computing()) === 1)
        await reader.close()
        await asked
        await reader.close()
        await assert.rejects(ask('SELECT 1'), hasCode('SLUICE_QUERY_CANCELLED'))
      })
      await opened.remove()
    })
  })
}

const hotProperties = ['$browser', '$os', '$device_type', '$pathname', '$referring_domain']

/** JSON of a property's value, and its text. */
const propertiesAndTexts: Readonly<Record<string, string>> = {
  '"plain"': 'plain',
  '""': '',
  null: '',
  '"null"': 'null',
  true: 'true',
  false: 'false',
  0: '0',
  '-1.5': '-1.5',
  '18446744073709552000': '18446744073709552000',
  // Beyond 64 bits: the engine's JSON reader gives up on the whole document.
  '100000000000000000000': '100000000000000000000',
  '1e21': '1e21',
  '{"a":[1,null,"ü"]}': '{"a":[1,null,"ü"]}',
  '[]': '[]',
  '"Zoë \\n 👩‍👩‍👧 \\" \\\\"': 'Zoë \n 👩‍👩‍👧 " \\',
}

const endless = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1'

const usual = { timeMs: 60_000, memoryBytes: 512 * 1024 ** 2, rowsMax: 10_000, resultBytesMax: 10 * 1024 ** 2 }

function limits(own: Partial<Question['limits']>): Partial<Question> {
  return { limits: { ...usual, ...own } }
}

function question(sql: string, own: Partial<Question>): Question {
  return { sql, limits: usual, signal: new AbortController().signal, ...own }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.equal(codeOf(error), code, String(error))
    return true
  }
}
