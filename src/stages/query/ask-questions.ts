/** The questions of the console and the API: shapes in, answers out; the SQL is each question's own (`questions/`). */
import type { WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'
import { questionLimits } from './question-limits.ts'
import type { QuestionBounds } from './question-limits.ts'
import { askEvent, askEvents } from './questions/events.ts'
import type { EventsAnswer, EventsQuestion, LocatedEvent } from './questions/events.ts'
import { askFunnel } from './questions/funnel.ts'
import type { FunnelAnswer, FunnelQuestion } from './questions/funnel.ts'
import { askEventNames, askProperties, askPropertyValues } from './questions/names.ts'
import type { EventNamesAnswer, PropertiesAnswer, PropertyValuesAnswer } from './questions/names.ts'
import { askRetention } from './questions/retention.ts'
import type { RetentionAnswer, RetentionQuestion } from './questions/retention.ts'
import type { Asking } from './questions/statement.ts'
import { askTrend } from './questions/trend.ts'
import type { TrendAnswer, TrendQuestion } from './questions/trend.ts'

export interface AskQuestionsDeps extends QuestionBounds {
  readonly reader: WarehouseReader
  /** A statement took so long and read these properties out of the JSON, for want of a column. */
  noteSlow?(properties: readonly string[], elapsedMs: number): void
}

/**
 * What can be asked about the events of one project. Each rejects with the codes of `WarehouseReader.ask`; a question that
 * makes no sense or asks for too much, with a `RefusedQuestion`.
 */
export interface Questions {
  trend(question: TrendQuestion): Promise<TrendAnswer>
  funnel(question: FunnelQuestion): Promise<FunnelAnswer>
  retention(question: RetentionQuestion): Promise<RetentionAnswer>
  events(question: EventsQuestion): Promise<EventsAnswer>
  /** Undefined when the table has none with this id. */
  event(uuid: string): Promise<LocatedEvent | undefined>
  eventNames(question: { readonly search?: string; readonly limit: number }): Promise<EventNamesAnswer>
  properties(question: { readonly event?: string }): Promise<PropertiesAnswer>
  propertyValues(question: {
    readonly property: string
    readonly event?: string
    readonly search?: string
  }): Promise<PropertyValuesAnswer>
}

export type QuestionsOf = (projectId: number, signal: AbortSignal) => Questions

export function createQuestions(deps: AskQuestionsDeps): QuestionsOf {
  const { reader } = deps
  const limits = questionLimits(deps)
  return function questionsOf(projectId, signal) {
    const asking: Asking = {
      async rows(statement, sql) {
        const database = await reader.projectDatabase(projectId)
        const startedMs = performance.now()
        const { rows } = await reader.ask({ sql, parameters: statement.values, database, limits, signal })
        const { slowProperties } = statement
        if (slowProperties.length > 0) deps.noteSlow?.(slowProperties, performance.now() - startedMs)
        return rows
      },
      columns: () => reader.propertyColumns(),
      tableName: (table) => reader.tableName(table),
    }
    return {
      trend: (question) => askTrend(asking, question),
      funnel: (question) => askFunnel(asking, question),
      retention: (question) => askRetention(asking, question),
      events: (question) => askEvents(asking, question),
      event: (uuid) => askEvent(asking, projectId, uuid),
      eventNames: (question) => askEventNames(asking, question),
      properties: (question) => askProperties(asking, question),
      propertyValues: (question) => askPropertyValues(asking, question),
    }
  }
}
