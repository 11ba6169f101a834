import { Failure } from '../../../kit/failure.ts'
import { engineCodeOf, engineMessageOf, isRefusedUnread } from '../engine-error.ts'
import { EngineReader, engineReaderDefaults } from '../engine-reader.ts'
import type { EngineReaderConfig } from '../engine-reader.ts'
import { parameterTexts, questionSettings } from '../question-wire.ts'
import type { Question, WarehouseReader } from '../warehouse-reader.ts'
import type { ClickhouseLink } from './clickhouse-link.ts'
import { optionalQuestionSettings } from './clickhouse-server.ts'
import type { ClickhouseServer } from './clickhouse-server.ts'

/** Questions, and beside them what kills them: a kill must never wait for the questions it is to end. */
interface Place {
  readonly asking: ClickhouseLink
  readonly control: ClickhouseLink
}

/** Connections that make views and kill. */
const controlSockets = 2

export function openClickhouseWarehouseReader(
  server: ClickhouseServer,
  config: EngineReaderConfig = engineReaderDefaults,
): WarehouseReader {
  const { url, offlineUrl, abandonAfterMs } = server.options
  const placeAt = (at: string): Place => ({
    asking: server.connectForQuestions(at, config.questionsAtOnceMax),
    control: server.connectForQuestions(at, controlSockets),
  })
  const usual = placeAt(url)
  const offline = offlineUrl === undefined || offlineUrl === url ? usual : placeAt(offlineUrl)
  const placeOf = ({ isHeavy }: Question) => (isHeavy === true ? offline : usual)
  return new EngineReader({
    layout: server.layout,
    config,
    control: usual.control,
    controlOf: (question) => placeOf(question).control,
    async run(id, question, stop) {
      const settings = settingsOf(id, question, config, server)
      const abandoned = new AbortController()
      let waits: NodeJS.Timeout | undefined
      // Killed questions end by themselves; one that does not, because the server is away, is not waited for.
      const onStop = () => (waits = setTimeout(() => abandoned.abort(), abandonAfterMs))
      stop.addEventListener('abort', onStop, { once: true })
      try {
        return await placeOf(question).asking.answer({ sql: question.sql, settings, signal: abandoned.signal })
      } catch (cause) {
        if (stop.aborted || engineCodeOf(cause) !== undefined || isRefusedUnread(cause)) throw cause
        throw new Failure('SLUICE_QUERY_FAILED', `The warehouse did not answer: ${engineMessageOf(cause)}`, {
          retryable: true,
          cause,
        })
      } finally {
        stop.removeEventListener('abort', onStop)
        clearTimeout(waits)
      }
    },
    async onClose() {
      for (const place of new Set([usual, offline])) {
        await place.asking.close()
        await place.control.close()
      }
    },
  })
}

/** Nothing of it stays: over HTTP every statement has its own settings, parameters and database. */
function settingsOf(id: string, question: Question, config: EngineReaderConfig, { layout, knows }: ClickhouseServer) {
  const settings = {
    // A connection that breaks ends the question too.
    cancel_http_readonly_queries_on_client_close: 1,
    ...questionSettings(id, question.limits, config.questionThreadsMax),
  }
  const parameters = [...parameterTexts(question.parameters ?? {})].map(([name, value]) => [`param_${name}`, value])
  return {
    ...(question.database === undefined ? {} : { database: question.database }),
    ...Object.fromEntries(parameters),
    // Views are made of Distributed tables, which a question may join and search in each other.
    ...(layout.cluster === undefined ? {} : { distributed_product_mode: 'global' }),
    ...Object.fromEntries(
      Object.entries(settings).filter(([name]) => !optionalQuestionSettings.includes(name) || knows.has(name)),
    ),
  } as Readonly<Record<string, string | number>>
}
