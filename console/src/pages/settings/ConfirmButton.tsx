import { Button, Group, Modal, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ErrorState } from '../../kit/ErrorState.tsx'

interface ConfirmButtonProps {
  /** What the button does, in a word: "Revoke". */
  readonly verb: string
  /** For screen readers, when several such buttons stand on the page: "Revoke the token phc_1…". */
  readonly label: string
  readonly question: string
  /** What happens then, and that it cannot be undone if so. */
  readonly consequence: string
  readonly act: () => Promise<unknown>
  readonly error: unknown
  readonly isPending: boolean
}

/** A button for what cannot be undone: it asks first. */
export function ConfirmButton(props: ConfirmButtonProps) {
  const { verb, label, question, consequence, act, error, isPending } = props
  const [isOpen, dialog] = useDisclosure(false)
  return (
    <>
      <Button size="xs" variant="default" aria-label={label} onClick={dialog.open}>
        {verb}
      </Button>
      <Modal opened={isOpen} onClose={dialog.close} title={question}>
        <Text size="sm">{consequence}</Text>
        {error != null && <ErrorState error={error} />}
        <Group justify="flex-end" mt="lg" gap="sm">
          <Button variant="default" onClick={dialog.close} data-autofocus>
            Cancel
          </Button>
          <Button
            color="red"
            loading={isPending}
            onClick={() => {
              // What goes wrong is shown above; the dialog stays open for it.
              act().then(dialog.close, () => undefined)
            }}
          >
            {verb}
          </Button>
        </Group>
      </Modal>
    </>
  )
}
