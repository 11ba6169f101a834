import { Button, Group, Kbd, Paper, Stack, Text, Title } from '@mantine/core'
import { IconPlayerPlay, IconPlayerStop } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useId, useMemo, useRef, useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import type { SavedQuestion } from '../../api/insights.ts'
import { ApiProblem } from '../../api/problem.ts'
import { useProject } from '../../current-project.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { useNow } from '../../kit/now.ts'
import { PageHeader } from '../../kit/PageHeader.tsx'
import { errorPlace } from './error-place.ts'
import { exampleQuestions } from './example-questions.ts'
import { HistoryMenu } from './HistoryMenu.tsx'
import { historyFrom, keepHistory, remembered } from './question-history.ts'
import { SavedQuestions } from './SavedQuestions.tsx'
import { SqlResult } from './SqlResult.tsx'
import { useSqlQuestion } from './use-sql-question.ts'

const SqlEditor = lazy(() => import('./SqlEditor.tsx').then((file) => ({ default: file.SqlEditor })))

const schemaStaleMs = 600_000

export function SqlPage() {
  const project = useProject()
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const path = { id: project.id }
  const linked = textOf(search['query'])
  const insightId = textOf(search['insight'])
  const [text, setText] = useState(linked ?? '')
  const [history, setHistory] = useState(() => historyFrom(localStorage, project.id))
  const { asked, ask, cancel } = useSqlQuestion(project.id)
  const hintId = useId()

  const schema = useQuery({
    queryKey: ['projects', project.id, 'schema'],
    queryFn: ({ signal }) => answerOf(api.GET('/api/projects/{id}/schema', { signal, params: { path } })),
    staleTime: schemaStaleMs,
  })
  const insight = useQuery({
    queryKey: ['projects', project.id, 'insights', insightId],
    enabled: insightId !== undefined,
    queryFn: ({ signal }) =>
      answerOf(
        api.GET('/api/projects/{id}/insights/{insight_id}', {
          signal,
          params: { path: { ...path, insight_id: insightId ?? '' } },
        }),
      ),
  })
  const opened = insightId === undefined || insight.data?.kind !== 'sql' ? undefined : insight.data

  const run = (query: string): void => {
    if (query.trim() === '') return
    const next = remembered(history, { query, at: new Date().toISOString() })
    setHistory(next)
    keepHistory(localStorage, project.id, next)
    ask(query)
    if (insightId === undefined) void navigate({ to: '.', search: { query }, replace: true })
  }
  const open = (saved: SavedQuestion): void => void navigate({ to: '.', search: { insight: saved.id } })

  // An insight that was opened is asked at once; what one changes in it afterwards stays.
  const shownInsight = useRef<string>(undefined)
  useEffect(() => {
    const query = textOf(opened?.question['query'])
    if (opened === undefined || query === undefined || shownInsight.current === opened.id) return
    shownInsight.current = opened.id
    setText(query)
    ask(query)
  }, [opened, ask])

  const failure = asked?.kind === 'failed' && asked.query === text ? asked.error : undefined
  const complaint = useMemo(
    () => (failure instanceof ApiProblem ? errorPlace(failure.detail, text) : undefined),
    [failure, text],
  )
  const put = (query: string): void => {
    setText(query)
    if (insightId !== undefined) void navigate({ to: '.', search: {}, replace: true })
  }

  return (
    <>
      <PageHeader
        title="SQL"
        description={
          opened === undefined ? (
            <>
              One <code>SELECT</code> in ClickHouse’s SQL over the table <code>events</code> of this project.
            </>
          ) : (
            `Saved question: ${opened.name}`
          )
        }
        actions={
          <>
            <HistoryMenu
              history={history}
              onPick={put}
              onClear={() => {
                setHistory([])
                keepHistory(localStorage, project.id, [])
              }}
            />
            <SavedQuestions projectId={project.id} query={text} opened={opened} onOpen={open} />
          </>
        }
      />
      {insight.isError && insightId !== undefined && (
        <ErrorState error={insight.error} title="The saved question could not be opened" />
      )}
      <Stack gap="sm">
        <Suspense fallback={<Loading label="Loading the editor" rows={4} />}>
          <SqlEditor
            value={text}
            onChange={setText}
            onRun={() => run(text)}
            schema={schema.data}
            complaint={complaint}
            describedBy={hintId}
          />
        </Suspense>
        <Group gap="sm">
          {asked?.kind === 'asking' ? (
            <Button color="red" leftSection={<IconPlayerStop size={16} aria-hidden />} onClick={cancel}>
              Cancel
            </Button>
          ) : (
            <Button
              leftSection={<IconPlayerPlay size={16} aria-hidden />}
              disabled={text.trim() === ''}
              onClick={() => run(text)}
            >
              Run
            </Button>
          )}
          <Text size="sm" c="dimmed" id={hintId} style={{ flex: 1, minWidth: '14rem' }}>
            <Kbd size="xs">Ctrl</Kbd> or <Kbd size="xs">⌘</Kbd> + <Kbd size="xs">Enter</Kbd> runs,{' '}
            <Kbd size="xs">Ctrl</Kbd> + <Kbd size="xs">Space</Kbd> completes, <Kbd size="xs">Esc</Kbd> then{' '}
            <Kbd size="xs">Tab</Kbd> leaves the editor.
          </Text>
        </Group>
        {text.trim() === '' && <Examples onPick={put} />}
        {asked?.kind === 'asking' && <Asking sinceMs={asked.sinceMs} />}
        {asked?.kind === 'cancelled' && (
          <Text role="status" size="sm">
            Cancelled. The server has stopped working on it.
          </Text>
        )}
        {asked?.kind === 'failed' && <ErrorState error={asked.error} title="The question could not be answered" />}
        {asked?.kind === 'answered' && <SqlResult answer={asked.answer} isStale={asked.query !== text} />}
      </Stack>
    </>
  )
}

function Asking({ sinceMs }: { readonly sinceMs: number }) {
  const seconds = Math.max(0, Math.round((useNow().getTime() - sinceMs) / 1_000))
  return (
    <div>
      <Text size="sm" c="dimmed">
        Asking for {String(seconds)} s
      </Text>
      <Loading label="Waiting for the answer" rows={4} />
    </div>
  )
}

function Examples({ onPick }: { readonly onPick: (query: string) => void }) {
  return (
    <Paper className="surface" p="md">
      <Title order={2} mb="xs">
        To begin with
      </Title>
      <Group gap="xs">
        {exampleQuestions.map(({ title, query }) => (
          <Button key={title} variant="default" size="xs" onClick={() => onPick(query)}>
            {title}
          </Button>
        ))}
      </Group>
    </Paper>
  )
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
