import { Compile } from 'typebox/compile'
import { FunnelQuestion } from '../../stages/query/questions/funnel.ts'
import { RetentionQuestion } from '../../stages/query/questions/retention.ts'
import { TrendQuestion } from '../../stages/query/questions/trend.ts'
import type { InsightKind } from '../../stores/state/insights.ts'
import { SqlQuestion } from './routes/sql.ts'

const shapes = {
  trend: Compile(TrendQuestion),
  funnel: Compile(FunnelQuestion),
  retention: Compile(RetentionQuestion),
  sql: Compile(SqlQuestion),
}

/** What is wrong with a question by the schema of the route of its kind; undefined when nothing is. */
export function questionComplaint(kind: InsightKind, question: unknown): string | undefined {
  const shape = shapes[kind]
  if (shape.Check(question)) return undefined
  const [first] = shape.Errors(question)
  return `question${first?.instancePath.replaceAll('/', '.') ?? ''} ${first?.message ?? 'is wrong'}`
}
