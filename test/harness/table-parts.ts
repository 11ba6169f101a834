/**
 * What ClickHouse keeps of the table of events on the disk: a folder a part, named `<month>_<first block>_<last block>_<level>`.
 * Each insert is one block and makes a part of level 0. Merges make parts of higher levels, and may make one row of two
 * that are copies; what was merged stays on the disk for eight minutes, or until ClickHouse starts anew. A server is asked for the same.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { send } from './http-client.ts'
import type { Installation } from './installation.ts'

export interface Part {
  readonly path: string
  readonly firstBlock: number
  readonly lastBlock: number
  readonly level: number
  readonly rows: number
}

export function partsOf({ dataFolder }: Pick<Installation, 'dataFolder'>): readonly Part[] {
  const store = join(dataFolder, 'core', 'warehouse', 'store')
  const tables = foldersIn(store).flatMap(foldersIn)
  return tables.flatMap(foldersIn).flatMap((path): Part[] => {
    // Parts of other tables are named otherwise.
    const [, first, last, level] = /^\d{6}_(\d+)_(\d+)_(\d+)$/.exec(basename(path)) ?? []
    if (first === undefined || last === undefined || level === undefined) return []
    return [{ path, firstBlock: Number(first), lastBlock: Number(last), level: Number(level), rows: rowsIn(path) }]
  })
}

function foldersIn(folder: string): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name))
}

/** None in a part that is being removed at this moment. */
function rowsIn(part: string): number {
  try {
    return Number(readFileSync(join(part, 'count.txt'), 'utf8'))
  } catch {
    return 0
  }
}

/** Rows of all inserts that the disk still shows: a row that was inserted twice counts twice, even when a merge made one of them. */
export async function rowsEverInserted(installation: Pick<Installation, 'dataFolder' | 'clickhouse'>): Promise<number> {
  const { clickhouse } = installation
  if (clickhouse !== undefined) return await rowsOfServer(clickhouse)
  return partsOf(installation).reduce((sum, { level, rows }) => sum + (level === 0 ? rows : 0), 0)
}

async function rowsOfServer({ url, database }: NonNullable<Installation['clickhouse']>): Promise<number> {
  const body = `SELECT sum(rows) FROM system.parts WHERE database = '${database}' AND table = 'events' AND level = 0`
  const { status, text } = await send(url, { method: 'POST', body })
  if (status !== 200) throw new Error(text)
  return Number(text)
}
