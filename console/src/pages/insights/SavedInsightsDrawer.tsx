import { ActionIcon, Badge, Button, Drawer, Group, Modal, Stack, Text, TextInput, UnstyledButton } from '@mantine/core'
import { IconPencil, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { TimeText } from '../../kit/TimeText.tsx'
import { NameDialog } from './NameDialog.tsx'
import { useDeleteInsight, useRenameInsight, type SavedInsight } from './saved-insights.ts'
import classes from './SavedInsightsDrawer.module.css'

interface SavedInsightsDrawerProps {
  readonly insights: readonly SavedInsight[]
  readonly open: string
  readonly onOpen: (insight: SavedInsight) => void
  readonly onDeleted: (insightId: string) => void
  readonly onClose: () => void
}

type Change = { readonly kind: 'rename' | 'delete'; readonly insight: SavedInsight }

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
                  <UnstyledButton
                    className={classes['open'] ?? ''}
                    aria-current={insight.id === open ? 'true' : undefined}
                    onClick={() => onOpen(insight)}
                  >
                    <Text fw={500} style={{ overflowWrap: 'anywhere' }}>
                      {insight.name}
                    </Text>
                    <Group gap="xs">
                      <Badge variant="default" tt="none" size="sm">
                        {insight.kind}
                      </Badge>
                      <Text size="xs" c="dimmed">
                        changed <TimeText time={insight.updated_at} />
                      </Text>
                    </Group>
                  </UnstyledButton>
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

function Rename({ insight, onClose }: { readonly insight: SavedInsight; readonly onClose: () => void }) {
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
  readonly insight: SavedInsight
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
