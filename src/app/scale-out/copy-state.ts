/**
 * All that people have made (projects, tokens, keys, users, limits, insights, the audit log), from one Postgres to another, in one
 * transaction. Rows travel as Postgres writes them, so that every type comes back as it was.
 *
 * What the log and the inserts keep for themselves stays: they are written anew for the log that they are about.
 */
import { Failure } from '../../kit/failure.ts'
import type { SqlClient, SqlSession } from '../../stores/state/sql-client.ts'

const statementTimeoutMs = 600_000
const rowsAtOnce = 2000
/** Names of tables that stay, or how they begin. */
const stays = /^(migrations|shared_secrets|scale_out|log_.*|insert_.*)$/

/** @internal for the test, which holds it against the tables that there are */
export function isMoved(table: string): boolean {
  return !stays.test(table)
}

/** Resolves with the number of rows by table. What the target had in these tables is replaced. */
export async function copyState(from: SqlClient, to: SqlClient): Promise<ReadonlyMap<string, number>> {
  return await to.transaction(
    async (into) => {
      const tables = await movedTables(into)
      const counts = new Map<string, number>()
      const names = tables.map(nameOf).join(', ')
      await into.query(`truncate ${names}`)
      // Rows keep what triggers would give them anew, and nobody has to be told.
      for (const table of tables) await into.query(`alter table ${nameOf(table)} disable trigger user`)
      await from.transaction(
        async (out) => {
          await out.query('set transaction isolation level repeatable read, read only')
          await refuseOtherColumns(out, into)
          for (const table of tables) counts.set(table, await copyTable(table, out, into))
          await copySequences(out, into)
        },
        { statementTimeoutMs },
      )
      for (const table of tables) await into.query(`alter table ${nameOf(table)} enable trigger user`)
      return counts
    },
    { statementTimeoutMs },
  )
}

function nameOf(table: string): string {
  return `sluice."${table}"`
}

/** Those that others refer to come first. */
async function movedTables(sql: SqlSession): Promise<readonly string[]> {
  const found = await sql.query<{ readonly name: string }>(
    `select tablename as name from pg_tables where schemaname = 'sluice' order by 1`,
  )
  const references = await sql.query<{ readonly from: string; readonly to: string }>(
    `select f.relname as from, t.relname as to from pg_constraint c
     join pg_class f on f.oid = c.conrelid join pg_class t on t.oid = c.confrelid
     join pg_namespace n on n.oid = f.relnamespace
     where c.contype = 'f' and n.nspname = 'sluice' and f.oid <> t.oid`,
  )
  const left = new Set(found.map(({ name }) => name).filter(isMoved))
  const ordered: string[] = []
  while (left.size > 0) {
    const free = [...left].filter((name) => !references.some(({ from, to }) => from === name && left.has(to)))
    if (free.length === 0) throw new Error(`These tables refer to each other in a circle: ${[...left].join(', ')}.`)
    for (const name of free) left.delete(name)
    ordered.push(...free)
  }
  return ordered
}

async function refuseOtherColumns(out: SqlSession, into: SqlSession): Promise<void> {
  const columnsOf = async (sql: SqlSession): Promise<string> => {
    const [row] = await sql.query<{ readonly columns: string | null }>(
      `select string_agg(table_name || '.' || column_name || ' ' || udt_name, ', ' order by table_name, ordinal_position) as columns
       from information_schema.columns where table_schema = 'sluice'`,
    )
    return row?.columns ?? ''
  }
  if ((await columnsOf(out)) === (await columnsOf(into))) return
  throw new Failure(
    'SLUICE_SCALE_OUT_VERSIONS',
    'The two databases have different tables. Start and stop the old installation once with this version of Sluice, then run this again.',
  )
}

async function copyTable(table: string, out: SqlSession, into: SqlSession): Promise<number> {
  const name = nameOf(table)
  let count = 0
  await out.query(`declare moved no scroll cursor for select t::text as row from ${name} t`)
  for (;;) {
    const rows = await out.query<{ readonly row: string }>(`fetch ${String(rowsAtOnce)} from moved`)
    if (rows.length === 0) break
    await into.query(
      `insert into ${name} overriding system value select (one.row::${name}).* from unnest($1::text[]) as one(row)`,
      [rows.map(({ row }) => row)],
    )
    count += rows.length
  }
  await out.query('close moved')
  return count
}

async function copySequences(out: SqlSession, into: SqlSession): Promise<void> {
  const sequences = await out.query<{ readonly name: string; readonly last: string }>(
    `select format('%I.%I', schemaname, sequencename) as name, last_value::text as last from pg_sequences
     where schemaname = 'sluice' and last_value is not null`,
  )
  for (const { name, last } of sequences)
    await into.query('select setval($1::text::regclass, $2::text::bigint)', [name, last])
}
