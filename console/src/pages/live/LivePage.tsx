import { Autocomplete, Badge, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import type { LiveState } from '../../api/live-stream.ts'
import { useProject } from '../../current-project.ts'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { countOf, formatNumber } from '../../kit/numbers.ts'
import { PageHeader } from '../../kit/PageHeader.tsx'
import { rowsMax } from './live-feed.ts'
import { LiveList } from './LiveList.tsx'
import { useLiveFeed } from './use-live-feed.ts'

const filterDebounceMs = 400
const summaryMs = 15_000
const iconSize = 16

export function LivePage() {
  const project = useProject()
  const { event, distinctId, setEvent, setDistinctId, settled } = useFilter()
  const [isPaused, setPaused] = useState(false)
  const [openKey, setOpenKey] = useState<number>()
  const feed = useLiveFeed(project.id, settled, isPaused)
  const isFiltered = settled.event !== '' || settled.distinctId !== ''
  const names = useQuery({
    queryKey: ['projects', project.id, 'event-names', ''],
    queryFn: ({ signal }) =>
      answerOf(api.GET('/api/projects/{id}/event-names', { signal, params: { path: { id: project.id } } })),
  })

  /** What is being read would be carried off by what arrives, so reading holds the list still. */
  const open = (key: number | undefined): void => {
    setOpenKey(key)
    if (key !== undefined) setPaused(true)
  }
  return (
    <>
      <PageHeader
        title="Live"
        description="Events as they arrive, within about a second. Opening one holds the list still."
        actions={
          <>
            <Button variant="default" onClick={feed.clear} disabled={feed.rows.length === 0}>
              Clear
            </Button>
            <Button
              w="7.5rem"
              variant={isPaused ? 'filled' : 'default'}
              leftSection={
                isPaused ? (
                  <IconPlayerPlay size={iconSize} aria-hidden />
                ) : (
                  <IconPlayerPause size={iconSize} aria-hidden />
                )
              }
              onClick={() => {
                setPaused(!isPaused)
                if (isPaused) setOpenKey(undefined)
              }}
            >
              {isPaused ? 'Resume' : 'Pause'}
            </Button>
          </>
        }
      />
      <Group mb="md" align="flex-end" gap="sm">
        <Autocomplete
          label="Event"
          placeholder="any event"
          style={{ flex: '1 1 14rem' }}
          value={event}
          onChange={setEvent}
          data={names.data?.names.map((each) => each.name) ?? []}
          limit={30}
        />
        <TextInput
          label="Distinct id"
          placeholder="anybody"
          style={{ flex: '1 1 14rem' }}
          value={distinctId}
          onChange={(change) => setDistinctId(change.currentTarget.value)}
        />
      </Group>
      <Group mb="sm" gap="md">
        <StateBadge state={isPaused ? 'paused' : feed.state} />
        <Text size="sm" className="number" miw="7rem">
          {formatNumber(Math.round(feed.perSecond * 10) / 10)} events a second
        </Text>
        <Text size="sm" c="dimmed">
          {countOf(feed.total, 'event')} seen
          {feed.rows.length >= rowsMax && `, the newest ${String(rowsMax)} are kept here`}
        </Text>
      </Group>
      <Summary total={feed.total} isPaused={isPaused} state={feed.state} />
      {feed.rows.length === 0 ? (
        <Stack className="surface">
          <EmptyState title={isPaused ? 'Paused' : 'Nothing has arrived yet'}>
            {isPaused
              ? 'Resume to go on where you stopped.'
              : isFiltered
                ? 'Events that the filter lets through appear here as they arrive. The filter compares whole names, capitals count.'
                : 'Events appear here as they arrive. Start shows how to send one.'}
          </EmptyState>
        </Stack>
      ) : (
        <LiveList projectId={project.id} rows={feed.rows} openKey={openKey} onOpen={open} />
      )}
    </>
  )
}

/** The filter stands in the address; the feed follows when nobody types any more. */
function useFilter() {
  const search: { readonly event?: unknown; readonly distinct_id?: unknown } = useSearch({ strict: false })
  const [event, setEvent] = useState(textOf(search.event))
  const [distinctId, setDistinctId] = useState(textOf(search.distinct_id))
  const navigate = useNavigate()
  const [settledEvent] = useDebouncedValue(event.trim(), filterDebounceMs)
  const [settledDistinctId] = useDebouncedValue(distinctId.trim(), filterDebounceMs)
  useEffect(() => {
    void navigate({
      to: '.',
      search: {
        ...(settledEvent === '' ? {} : { event: settledEvent }),
        ...(settledDistinctId === '' ? {} : { distinct_id: settledDistinctId }),
      },
      replace: true,
    })
  }, [navigate, settledEvent, settledDistinctId])
  return {
    event,
    distinctId,
    setEvent,
    setDistinctId,
    settled: { event: settledEvent, distinctId: settledDistinctId },
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

const states = {
  connecting: { color: 'gray', words: 'Connecting' },
  open: { color: 'green', words: 'Connected' },
  broken: { color: 'orange', words: 'Connection lost, trying again' },
  paused: { color: 'gray', words: 'Paused' },
} as const

function StateBadge({ state }: { readonly state: LiveState | 'paused' }) {
  return (
    <Badge color={states[state].color} variant="light" tt="none" size="lg">
      {states[state].words}
    </Badge>
  )
}

interface SummaryProps {
  readonly total: number
  readonly isPaused: boolean
  readonly state: LiveState
}

/** For screen readers: now and then how many came, instead of every one of them. */
function Summary({ total, isPaused, state }: SummaryProps) {
  const [said, setSaid] = useState('')
  const latest = useRef(total)
  useEffect(() => {
    latest.current = total
  }, [total])
  useEffect(() => {
    if (isPaused) return
    let before = latest.current
    const timer = window.setInterval(() => {
      const more = Math.max(0, latest.current - before)
      before = latest.current
      if (more > 0) setSaid(`${countOf(more, 'event')} in the last ${String(summaryMs / 1_000)} seconds.`)
    }, summaryMs)
    return () => window.clearInterval(timer)
  }, [isPaused])
  return (
    <div role="status" className="visually-hidden">
      {isPaused ? 'Paused.' : state === 'broken' ? 'Connection lost, trying again.' : said}
    </div>
  )
}
