import { ActionIcon, Badge, Button, Drawer, Group, Modal, Stack, Text, TextInput, UnstyledButton } from '@mantine/core'
import { IconPencil, IconTrash } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { SavedQuestion } from '../../api/insights.ts'
import { useProject } from '../../current-project.ts'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { TimeText } from '../../kit/TimeText.tsx'
import { NameDialog } from './NameDialog.tsx'
import { isSavedInsight, useDeleteInsight, useRenameInsight } from './saved-insights.ts'
import classes from './SavedInsightsDrawer.module.css'

interface SavedInsightsDrawerProps {
  readonly insights: readonly SavedQuestion[]
  readonly open: string
  readonly onOpen: (insightId: string) => void
  readonly onDeleted: (insightId: string) => void
  readonly onClose: () => void
}

type Change = { readonly kind: 'rename' | 'delete'; readonly insight: SavedQuestion }

const ICON_SIZE = 17

export function SavedInsightsDrawer({ insights, open, onOpen, onDeleted, onClose }: SavedInsightsDrawerProps) {
  const [wanted, setWanted] = useState('')
  const [change, setChange] = useState<Change>()
  const found = insights.filter((each) => each.name.toLowerCase().includes(wanted.trim().toLowerCase()))
  return (
    <>
      <Drawer
        opened
        onClose={onClose}
        position="right"
        title="Saved insights"
        closeButtonProps={{ 'aria-label': 'Close the saved insights' }}
      >
        {insights.length === 0 ? (
          <EmptyState title="Nothing is saved yet">
            “Save as…” keeps the question that is shown, for you and everybody who may see this project.
          </EmptyState>
        ) : (
          <Stack gap="xs">
            <TextInput
              type="search"
              aria-label="Search the saved insights"
              placeholder="Search by name"
              value={wanted}
              onChange={(event) => setWanted(event.currentTarget.value)}
            />
            {found.length === 0 && <Text c="dimmed">No saved insight has “{wanted.trim()}” in its name.</Text>}
            <Stack component="ul" gap={2} p={0} m={0} style={{ listStyle: 'none' }}>
              {found.map((insight) => (
                <Group component="li" key={insight.id} wrap="nowrap" gap={4}>
                  <Opener insight={insight} isOpen={insight.id === open} onOpen={onOpen} />
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    aria-label={`Rename ${insight.name}`}
                    onClick={() => setChange({ kind: 'rename', insight })}
                  >
                    <IconPencil size={ICON_SIZE} aria-hidden />
                  </ActionIcon>
                  <ActionIcon
                    variant="subtle"
                    color="red"
                    aria-label={`Delete ${insight.name}`}
                    onClick={() => setChange({ kind: 'delete', insight })}
                  >
                    <IconTrash size={ICON_SIZE} aria-hidden />
                  </ActionIcon>
                </Group>
              ))}
            </Stack>
          </Stack>
        )}
      </Drawer>
      {change?.kind === 'rename' && <Rename insight={change.insight} onClose={() => setChange(undefined)} />}
      {change?.kind === 'delete' && (
        <Delete insight={change.insight} onDeleted={onDeleted} onClose={() => setChange(undefined)} />
      )}
    </>
  )
}

interface OpenerProps {
  readonly insight: SavedQuestion
  readonly isOpen: boolean
  readonly onOpen: (insightId: string) => void
}

/** A question in SQL is opened where it can be asked. */
function Opener({ insight, isOpen, onOpen }: OpenerProps) {
  const project = useProject()
  const words = (
    <>
      <Text fw={500} style={{ overflowWrap: 'anywhere' }}>
        {insight.name}
      </Text>
      <Group gap="xs">
        <Badge variant="default" tt="none" size="sm">
          {isSavedInsight(insight) ? insight.kind : 'SQL'}
        </Badge>
        <Text size="xs" c="dimmed">
          changed <TimeText time={insight.updated_at} />
        </Text>
      </Group>
    </>
  )
  if (!isSavedInsight(insight))
    return (
      <Link
        className={classes['open']}
        to="/projects/$projectId/sql"
        params={{ projectId: String(project.id) }}
        search={{ insight: insight.id }}
      >
        {words}
      </Link>
    )
  return (
    <UnstyledButton
      className={classes['open'] ?? ''}
      aria-current={isOpen ? 'true' : undefined}
      onClick={() => onOpen(insight.id)}
    >
      {words}
    </UnstyledButton>
  )
}

function Rename({ insight, onClose }: { readonly insight: SavedQuestion; readonly onClose: () => void }) {
  const rename = useRenameInsight()
  return (
    <NameDialog
      title="Rename the insight"
      button="Rename"
      nameAtFirst={insight.name}
      isBusy={rename.isPending}
      error={rename.error}
      onClose={onClose}
      onSubmit={(name) => rename.mutate({ insight, name }, { onSuccess: onClose })}
    />
  )
}

interface DeleteProps {
  readonly insight: SavedQuestion
  readonly onDeleted: (insightId: string) => void
  readonly onClose: () => void
}

function Delete({ insight, onDeleted, onClose }: DeleteProps) {
  const remove = useDeleteInsight()
  const confirm = (): void =>
    remove.mutate(insight.id, {
      onSuccess: () => {
        onDeleted(insight.id)
        onClose()
      },
    })
  return (
    <Modal opened onClose={onClose} title="Delete the insight?" closeButtonProps={{ 'aria-label': 'Close' }} centered>
      <Text>
        “{insight.name}” is removed for everybody of this project, and its links stop working. The events it counts
        stay.
      </Text>
      {remove.error !== null && <ErrorState error={remove.error} title="It was not deleted" />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" data-autofocus onClick={onClose}>
          Keep it
        </Button>
        <Button color="red" loading={remove.isPending} onClick={confirm}>
          Delete
        </Button>
      </Group>
    </Modal>
  )
}
