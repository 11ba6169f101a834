import { Alert, Button, Grid, Tabs } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Navigate, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { insightsQuery, type SavedQuestion } from '../../api/insights.ts'
import { useProject } from '../../current-project.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { PageHeader } from '../../kit/PageHeader.tsx'
import {
  gapOf,
  INSIGHT_KINDS,
  isInsightKind,
  newQuestion,
  questionFromLink,
  type InsightKind,
  type InsightQuestion,
} from './insight-question.ts'
import { InsightEditor } from './InsightEditor.tsx'
import { InsightResult } from './InsightResult.tsx'
import { insightsSearchFrom, searchOfQuestion } from './insights-search.ts'
import { SaveBar } from './SaveBar.tsx'
import { isSavedInsight, questionOfSaved } from './saved-insights.ts'
import type { TimeRange } from './time-range.ts'

const ZONE_HERE = Intl.DateTimeFormat().resolvedOptions().timeZone
const KIND_WORDS: Readonly<Record<InsightKind, string>> = { trend: 'Trend', funnel: 'Funnel', retention: 'Retention' }
const SEVEN_DAYS: TimeRange = { kind: 'rolling', amount: 7, unit: 'day' }

export function InsightsPage() {
  const project = useProject()
  const saved = useQuery(insightsQuery(project.id))
  const search = insightsSearchFrom(useSearch({ strict: false }))
  const header = (
    <PageHeader
      title="Insights"
      description="Ask how often something happens, how many get through, and who comes back. The address keeps the question."
    />
  )
  // Without the list nobody knows what the link to a saved insight asks; every other question can be asked without it.
  if (search.insight !== '' && saved.isPending)
    return (
      <>
        {header}
        <Loading label="Loading the insight" />
      </>
    )
  return (
    <>
      {header}
      {saved.isError && (
        <ErrorState
          error={saved.error}
          title="The saved insights could not be loaded"
          onRetry={() => void saved.refetch()}
        />
      )}
      <Insights key={project.id} insights={saved.data ?? []} projectId={project.id} isListKnown={saved.isSuccess} />
    </>
  )
}

interface InsightsProps {
  readonly insights: readonly SavedQuestion[]
  readonly projectId: number
  readonly isListKnown: boolean
}

function Insights({ insights, projectId, isListKnown }: InsightsProps) {
  const navigate = useNavigate()
  const search = insightsSearchFrom(useSearch({ strict: false }))
  const [leftBehind, setLeftBehind] = useState<Partial<Record<InsightKind, InsightQuestion>>>({})
  const linked = insights.find((each) => each.id === search.insight)
  const opened = linked !== undefined && isSavedInsight(linked) ? linked : undefined
  const question =
    search.link === undefined && opened !== undefined
      ? questionOfSaved(opened, ZONE_HERE)
      : questionFromLink(search.kind, search.link, ZONE_HERE)
  const gap = gapOf(question)
  // Its answer is a table with a column for each period, and needs all the room there is.
  const isWide = question.kind === 'retention'
  const go = (next: Record<string, unknown>, replace: boolean): void =>
    void navigate({
      to: '/projects/$projectId/insights',
      params: { projectId: String(projectId) },
      search: next,
      replace,
      resetScroll: false,
    })
  const show = (next: InsightQuestion): void => go(searchOfQuestion(next, search.insight), true)
  const open = (insightId: string): void => go(insightId === '' ? {} : { insight: insightId }, false)
  // Each tab keeps its question while one looks at another.
  const switchTo = (kind: string | null): void => {
    if (!isInsightKind(kind) || kind === question.kind) return
    setLeftBehind({ ...leftBehind, [question.kind]: question })
    go(searchOfQuestion(leftBehind[kind] ?? newQuestion(kind, ZONE_HERE), ''), false)
  }
  if (linked !== undefined && opened === undefined)
    return (
      <Navigate
        to="/projects/$projectId/sql"
        params={{ projectId: String(projectId) }}
        search={{ insight: linked.id }}
        replace
      />
    )
  return (
    <>
      {search.insight !== '' && opened === undefined && isListKnown && (
        <Alert color="orange" variant="light" mb="md" title="The saved insight of this link is not there any more">
          It may have been deleted, or belong to another project.{' '}
          <Button size="compact-xs" variant="default" onClick={() => open('')}>
            Begin a new question
          </Button>
        </Alert>
      )}
      <Tabs value={question.kind} onChange={switchTo} keepMounted={false}>
        <Tabs.List mb="md" aria-label="Kind of question">
          {INSIGHT_KINDS.map((kind) => (
            <Tabs.Tab key={kind} value={kind}>
              {KIND_WORDS[kind]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={question.kind}>
          <SaveBar
            insights={insights}
            opened={opened}
            isChanged={search.link !== undefined}
            question={question}
            gap={gap}
            onOpen={open}
          />
          <Grid gap="lg">
            <Grid.Col span={isWide ? 12 : { base: 12, md: 5, lg: 4 }}>
              <InsightEditor key={question.kind} question={question} gap={gap} onChange={show} />
            </Grid.Col>
            <Grid.Col span={isWide ? 12 : { base: 12, md: 7, lg: 8 }}>
              <section aria-label="The answer">
                <InsightResult
                  question={question}
                  gap={gap}
                  onNarrow={() => show({ ...question, range: SEVEN_DAYS })}
                />
              </section>
            </Grid.Col>
          </Grid>
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
