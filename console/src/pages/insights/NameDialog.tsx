import { Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import { ErrorState } from '../../kit/ErrorState.tsx'

interface NameDialogProps {
  readonly title: string
  readonly button: string
  readonly nameAtFirst: string
  readonly isBusy: boolean
  readonly error: unknown
  readonly onSubmit: (name: string) => void
  readonly onClose: () => void
}

const NAME_CHARS_MAX = 200

/** Asks for the name of an insight. */
export function NameDialog(props: NameDialogProps) {
  const { title, button, nameAtFirst, isBusy, error, onSubmit, onClose } = props
  const [name, setName] = useState(nameAtFirst)
  const trimmed = name.trim()
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': 'Close' }} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (trimmed !== '') onSubmit(trimmed)
        }}
      >
        <Stack gap="md">
          <TextInput
            label="Name"
            data-autofocus
            required
            maxLength={NAME_CHARS_MAX}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {error !== null && error !== undefined && <ErrorState error={error} title="It was not saved" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={isBusy} disabled={trimmed === ''}>
              {button}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
