import { Alert, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconPlugConnectedX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { answerOf, api } from '../../api/client.ts'
import { useCurrentProject } from '../../current-project.ts'
import { Completeness } from '../../kit/Completeness.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { PageHeader } from '../../kit/PageHeader.tsx'
import { TimeText } from '../../kit/TimeText.tsx'
import { CountWords } from './CountWords.tsx'
import { DeadLetters } from './DeadLetters.tsx'
import { Partitions } from './Partitions.tsx'
import { PipelinePicture } from './PipelinePicture.tsx'
import type { Pipeline } from './pipeline-picture.ts'
import { Processes } from './Processes.tsx'

const refreshMs = 2_000

export function HealthPage() {
  const project = useCurrentProject()
  // Asks only while the page is seen; an answer that does not come leaves the last one standing.
  const pipeline = useQuery({
    queryKey: ['pipeline'],
    queryFn: ({ signal }) => answerOf(api.GET('/api/pipeline', { signal })),
    refetchInterval: refreshMs,
    retry: false,
    staleTime: 0,
  })
  return (
    <>
      <PageHeader
        title="Health"
        description="The way of every event from the SDK to the table, counted at each stage: what came in went on, was set aside for a reason, or still waits. Renewed every 2 seconds."
      />
      {pipeline.data === undefined ? (
        pipeline.isError ? (
          <ErrorState
            error={pipeline.error}
            title="How the pipeline stands cannot be told now"
            onRetry={() => void pipeline.refetch()}
          />
        ) : (
          <Loading label="Asking how the pipeline stands" rows={8} />
        )
      ) : (
        <Stack gap="lg">
          {pipeline.isError && <Away since={pipeline.dataUpdatedAt} />}
          <Verdict pipeline={pipeline.data} isOld={pipeline.isError} />
          <div>
            <PipelinePicture pipeline={pipeline.data} />
            <CountWords />
          </div>
          <DeadLetters counts={pipeline.data.dead_letters} projectId={project?.id} />
          <Partitions lanes={pipeline.data.lanes} />
          <Processes processes={pipeline.data.processes} canary={pipeline.data.canary} />
        </Stack>
      )}
    </>
  )
}

function Away({ since }: { readonly since: number }) {
  return (
    <Alert color="yellow" role="status" icon={<IconPlugConnectedX aria-hidden />} title="The core does not answer">
      Below is how it stood <TimeText time={new Date(since).toISOString()} />. Events are still accepted while only the
      core is away: they wait in the log. The core is started again by itself; this page goes on asking.
    </Alert>
  )
}

function Verdict({ pipeline, isOld }: { readonly pipeline: Pipeline; readonly isOld: boolean }) {
  const alarms = [
    ...pipeline.problems,
    ...pipeline.imbalances
      .filter((imbalance) => !pipeline.problems.some((problem) => problem.includes(imbalance)))
      .map((imbalance) => `The books do not balance: ${imbalance}.`),
  ]
  if (alarms.length > 0 || !pipeline.healthy) {
    return (
      <Alert color="red" role="alert" icon={<IconAlertTriangle aria-hidden />} title="Something is wrong">
        <ul style={{ margin: 0, paddingInlineStart: '1.1rem' }}>
          {alarms.map((alarm) => (
            <li key={alarm}>{alarm}</li>
          ))}
        </ul>
        <Completeness of={{ ...pipeline, parked_events: 0 }} />
      </Alert>
    )
  }
  return (
    <Alert
      color="teal"
      icon={<IconCircleCheck aria-hidden />}
      title={isOld ? 'Everything was well' : 'Everything is well, and the books balance'}
    >
      <Text size="sm">
        Every event that was acknowledged is in the table, was set aside for a reason, or waits below.
      </Text>
      <Completeness of={{ ...pipeline, parked_events: 0 }} />
    </Alert>
  )
}
