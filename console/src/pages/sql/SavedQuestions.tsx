import { Button, Group, Menu, Modal, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconBookmark, IconDeviceFloppy } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import { insightsQuery, type SavedQuestion } from '../../api/insights.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'

interface SavedQuestionsProps {
  readonly projectId: number
  readonly query: string
  readonly opened: SavedQuestion | undefined
  readonly onOpen: (saved: SavedQuestion) => void
}

const nameCharactersMax = 200

/** Opens saved questions, saves the present one anew or over the one that is open. */
export function SavedQuestions({ projectId, query, opened, onOpen }: SavedQuestionsProps) {
  const client = useQueryClient()
  const { queryKey } = insightsQuery(projectId)
  const path = { id: projectId }
  const list = useQuery({
    ...insightsQuery(projectId),
    select: (insights) => insights.filter(({ kind }) => kind === 'sql'),
  })
  const [isNaming, naming] = useDisclosure(false)
  const [name, setName] = useState('')
  const taken = async (saved: SavedQuestion): Promise<void> => {
    naming.close()
    onOpen(saved)
    await client.invalidateQueries({ queryKey })
  }
  const add = useMutation({
    mutationFn: () =>
      answerOf(
        api.POST('/api/projects/{id}/insights', {
          params: { path },
          body: { name: name.trim(), kind: 'sql', question: { query } },
        }),
      ),
    onSuccess: taken,
  })
  const change = useMutation({
    mutationFn: (insightId: string) =>
      answerOf(
        api.PATCH('/api/projects/{id}/insights/{insight_id}', {
          params: { path: { ...path, insight_id: insightId } },
          body: { question: { query } },
        }),
      ),
    onSuccess: taken,
  })
  const isEmpty = query.trim() === ''
  const saved = list.data ?? []
  return (
    <>
      <Menu position="bottom-end" withinPortal withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={16} aria-hidden />}>
            Saved
          </Button>
        </Menu.Target>
        <Menu.Dropdown mah={360} style={{ overflowY: 'auto' }} maw="min(22rem, 90vw)">
          {list.isError ? (
            <Menu.Label>The list could not be loaded.</Menu.Label>
          ) : (
            saved.length === 0 && <Menu.Label>No question in SQL is saved in this project.</Menu.Label>
          )}
          {saved.map((one) => (
            <Menu.Item key={one.id} onClick={() => onOpen(one)}>
              {one.name}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {opened !== undefined && opened.question['query'] !== query && (
        <Button
          variant="default"
          disabled={isEmpty}
          loading={change.isPending}
          onClick={() => change.mutate(opened.id)}
        >
          Save changes
        </Button>
      )}
      <Button
        variant="default"
        leftSection={<IconDeviceFloppy size={16} aria-hidden />}
        disabled={isEmpty}
        onClick={() => {
          add.reset()
          setName('')
          naming.open()
        }}
      >
        Save as…
      </Button>
      {change.isError && <ErrorState error={change.error} title="The change could not be saved" />}
      <Modal
        opened={isNaming}
        onClose={naming.close}
        title="Save this question"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <form
          onSubmit={(event) => {
            event.preventDefault()
            if (name.trim() !== '') add.mutate()
          }}
        >
          <TextInput
            label="Name"
            value={name}
            maxLength={nameCharactersMax}
            required
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Text size="sm" c="dimmed" mt={4}>
            Everybody who sees the project finds it here and under Insights.
          </Text>
          {add.isError && <ErrorState error={add.error} title="It could not be saved" />}
          <Group mt="md" justify="flex-end">
            <Button type="submit" loading={add.isPending}>
              Save
            </Button>
          </Group>
        </form>
      </Modal>
    </>
  )
}
