import { Button, Group, Progress, Stack, Table, Text, Title } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import type { Project } from '../../api/projects.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { formatNumber } from '../../kit/numbers.ts'
import { TableFrame } from '../../kit/TableFrame.tsx'
import { ConfirmButton } from './ConfirmButton.tsx'
import { LimitDialog } from './LimitDialog.tsx'
import { quotaUses, sayEventType, sayQuota, sayRate } from './project-limits.ts'
import type { ProjectLimit } from './project-limits.ts'
import { projectLimitsKey } from './project-limits-key.ts'

const iconSize = 16
/** Tokens beyond these have used less. */
const usesShownMax = 3
const nearlyFull = 0.9

export function ProjectLimits({ project }: { readonly project: Project }) {
  const limits = useQuery({
    queryKey: projectLimitsKey(project.id),
    queryFn: async ({ signal }) =>
      (await answerOf(api.GET('/api/projects/{id}/limits', { signal, params: { path: { id: project.id } } }))).limits,
  })
  const [open, setOpen] = useState<ProjectLimit | 'new' | undefined>(undefined)
  return (
    <Stack gap="sm">
      <Title order={3}>Limits</Title>
      <Text size="sm" c="dimmed">
        How many events a token may store. What is sent beyond it is not stored, and SDKs do not send it again.
      </Text>
      {limits.isPending ? (
        <Loading rows={1} />
      ) : limits.isError ? (
        <ErrorState
          title="The limits could not be fetched"
          error={limits.error}
          onRetry={() => void limits.refetch()}
        />
      ) : limits.data.length === 0 ? (
        <Text size="sm">This project takes all that is sent to it.</Text>
      ) : (
        <LimitsTable project={project} limits={limits.data} onChange={setOpen} />
      )}
      <Group>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={iconSize} aria-hidden />}
          onClick={() => setOpen('new')}
        >
          Add a limit
        </Button>
      </Group>
      {open !== undefined && (
        <LimitDialog project={project} limit={open === 'new' ? undefined : open} onClose={() => setOpen(undefined)} />
      )}
    </Stack>
  )
}

interface LimitsTableProps {
  readonly project: Project
  readonly limits: readonly ProjectLimit[]
  readonly onChange: (limit: ProjectLimit) => void
}

function LimitsTable({ project, limits, onChange }: LimitsTableProps) {
  const client = useQueryClient()
  const remove = useMutation({
    mutationFn: async (id: string): Promise<void> => {
      const path = { id: project.id, limit_id: id }
      await answerOf(api.DELETE('/api/projects/{id}/limits/{limit_id}', { params: { path } }))
    },
    onSuccess: () => client.invalidateQueries({ queryKey: projectLimitsKey(project.id) }),
  })
  return (
    <TableFrame label={`Limits of ${project.name}`}>
      <Table verticalSpacing="sm" miw="40rem">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Events</Table.Th>
            <Table.Th scope="col">Sent by</Table.Th>
            <Table.Th scope="col">Quota, and what is used</Table.Th>
            <Table.Th scope="col">Rate</Table.Th>
            <Table.Th scope="col">
              <span className="visually-hidden">Change or remove</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {limits.map((limit) => {
            const name = `${sayEventType(limit.event_type)}, ${limit.token ?? 'each token'}`
            return (
              <Table.Tr key={limit.id}>
                <Table.Th scope="row" fw={500} style={{ overflowWrap: 'anywhere' }}>
                  {sayEventType(limit.event_type)}
                </Table.Th>
                <Table.Td style={{ overflowWrap: 'anywhere' }}>
                  {limit.token === null ? 'each token' : <span className="mono">{limit.token}</span>}
                </Table.Td>
                <Table.Td>
                  <QuotaCell limit={limit} />
                </Table.Td>
                <Table.Td>{limit.rate === null ? '–' : sayRate(limit.rate)}</Table.Td>
                <Table.Td>
                  <Group gap="xs" wrap="nowrap" justify="flex-end">
                    <Button
                      size="xs"
                      variant="default"
                      aria-label={`Change the limit of ${name}`}
                      onClick={() => onChange(limit)}
                    >
                      Change
                    </Button>
                    <ConfirmButton
                      verb="Remove"
                      label={`Remove the limit of ${name}`}
                      question="Remove this limit?"
                      consequence="What it kept out is let in within a second. Other limits are not touched."
                      act={() => remove.mutateAsync(limit.id)}
                      error={remove.error}
                      isPending={remove.isPending}
                    />
                  </Group>
                </Table.Td>
              </Table.Tr>
            )
          })}
        </Table.Tbody>
      </Table>
    </TableFrame>
  )
}

function QuotaCell({ limit }: { readonly limit: ProjectLimit }) {
  const { quota, token } = limit
  if (quota === null) return '–'
  const uses = quotaUses(limit)
  const isSeveral = token === null && uses !== undefined && uses.length > 1
  return (
    <Stack gap={4}>
      <span>{sayQuota(quota)}</span>
      {uses === undefined && (
        <Text size="sm" c="dimmed">
          The door does not say what is used.
        </Text>
      )}
      {uses?.slice(0, usesShownMax).map((use) => (
        <div key={use.token}>
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {formatNumber(use.events)} used
            {isSeveral && (
              <>
                {' '}
                by <span className="mono">{use.token}</span>
              </>
            )}
            {use.part >= 1 && ': full'}
          </Text>
          <Progress value={use.part * 100} color={use.part >= nearlyFull ? 'red' : 'blue'} size="sm" aria-hidden />
        </div>
      ))}
      {uses !== undefined && uses.length > usesShownMax && (
        <Text size="sm" c="dimmed">
          Other tokens have used less.
        </Text>
      )}
    </Stack>
  )
}
