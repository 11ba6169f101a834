import { Button, Group, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { uuidFrom } from './events-search.ts'

/** Leads to the journey of any event, also of those that never came into the table. */
export function FindEvent({ projectId }: { readonly projectId: number }) {
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const [error, setError] = useState<string>()
  const find = (): void => {
    const uuid = uuidFrom(text)
    if (uuid === undefined)
      setError('A uuid looks like 0198c1f0-7c1e-7d1a-9b5e-3f2f6f0a9c11. SDKs log it, and receipts name it.')
    else void navigate({ to: '/projects/$projectId/events/$uuid', params: { projectId: String(projectId), uuid } })
  }
  return (
    <form
      role="search"
      aria-label="Find what became of an event"
      onSubmit={(event) => {
        event.preventDefault()
        find()
      }}
    >
      <Group gap="xs" align="flex-start" wrap="nowrap">
        <TextInput
          aria-label="Uuid of an event"
          placeholder="Uuid of any event"
          w="19rem"
          maw="60vw"
          value={text}
          error={error}
          onChange={(event) => {
            setText(event.currentTarget.value)
            setError(undefined)
          }}
        />
        <Button type="submit" variant="default">
          Find
        </Button>
      </Group>
    </form>
  )
}
