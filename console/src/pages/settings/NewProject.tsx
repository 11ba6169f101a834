import { Button, Group, Modal, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import { projectsQuery } from '../../api/projects.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'

interface NewProjectProps {
  readonly isOpen: boolean
  readonly onClose: () => void
}

const nameCharsMax = 200

/** Leads to Start of the new project: sending to it is what comes next. */
export function NewProject({ isOpen, onClose }: NewProjectProps) {
  const [name, setName] = useState('')
  const client = useQueryClient()
  const navigate = useNavigate()
  const make = useMutation({
    mutationFn: () => answerOf(api.POST('/api/projects', { body: { name: name.trim() } })),
    onSuccess: async (project) => {
      await client.invalidateQueries({ queryKey: projectsQuery.queryKey })
      await navigate({ to: '/projects/$projectId/start', params: { projectId: String(project.id) } })
    },
  })
  return (
    <Modal opened={isOpen} onClose={onClose} title="New project">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (name.trim() !== '') make.mutate()
        }}
      >
        <TextInput
          label="Name"
          description="For people; SDKs know the project by its token."
          required
          maxLength={nameCharsMax}
          data-autofocus
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {make.isError && <ErrorState title="The project was not made" error={make.error} />}
        <Group justify="flex-end" mt="lg" gap="sm">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={make.isPending} disabled={name.trim() === ''}>
            Make the project
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
