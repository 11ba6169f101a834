import { text } from 'node:stream/consumers'
import { EngineReader, engineReaderDefaults } from '../engine-reader.ts'
import type { EngineReaderConfig } from '../engine-reader.ts'
import { embeddedLayout } from '../layout.ts'
import { parameterTexts, questionSettings } from '../question-wire.ts'
import { sqlName, sqlString } from '../sql-text.ts'
import type { Question, WarehouseReader } from '../warehouse-reader.ts'
import type { ChdbEngine, ChdbLink } from './chdb-engine.ts'

/** Each question that runs holds a thread of libuv's pool. */
export function openChdbWarehouseReader(
  engine: ChdbEngine,
  config: EngineReaderConfig = engineReaderDefaults,
): WarehouseReader {
  const control = engine.connect()
  return new EngineReader({
    layout: embeddedLayout,
    config,
    control,
    controlOf: () => control,
    onClose: () => Promise.resolve(),
    /**
     * Each question has a link of its own, opened for it and closed after it, because whatever is `SET` on a link stays there
     * (limits, parameters, `readonly`). The native calls cannot be interrupted.
     */
    async run(id, question) {
      const link = engine.connect()
      try {
        return await answerOn(link, id, question, config)
      } finally {
        await link.close()
      }
    },
  })
}

/** The client's own `query_params` are not used: the package runs all such queries of a process one after another. */
async function answerOn(link: ChdbLink, id: string, question: Question, config: EngineReaderConfig): Promise<string> {
  const { sql, parameters, database, limits } = question
  for (const [name, value] of parameterTexts(parameters ?? {})) {
    await link.command(`SET param_${name} = ${sqlString(value)}`)
  }
  if (database !== undefined) await link.command(`USE ${sqlName(database)}`)
  // The client's `query` would write FORMAT behind the text, where it means something else to an EXPLAIN.
  const result = await link.client.exec({
    query: sql,
    clickhouse_settings: questionSettings(id, limits, config.questionThreadsMax),
  })
  return await text(result.stream)
}
