import { EmptyState } from '../../kit/EmptyState.tsx'
import { FunnelResult } from './FunnelResult.tsx'
import { bodyOf, type InsightQuestion } from './insight-question.ts'
import { RetentionResult } from './RetentionResult.tsx'
import { TrendResult } from './TrendResult.tsx'

interface InsightResultProps {
  readonly question: InsightQuestion
  readonly gap: string | undefined
  readonly onNarrow: () => void
}

export function InsightResult({ question, gap, onNarrow }: InsightResultProps) {
  if (gap !== undefined) return <EmptyState title="The question is not complete yet">{gap}</EmptyState>
  const asked = bodyOf(question, new Date())
  switch (asked.kind) {
    case 'trend': {
      const chart = question.kind === 'trend' ? question.draft.chart : 'line'
      return <TrendResult body={asked.body} chart={chart} onNarrow={onNarrow} />
    }
    case 'funnel':
      return <FunnelResult body={asked.body} onNarrow={onNarrow} />
    case 'retention':
      return <RetentionResult body={asked.body} onNarrow={onNarrow} />
  }
}
