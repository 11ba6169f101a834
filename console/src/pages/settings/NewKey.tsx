import { Alert, Button, Checkbox, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import type { BodyOf } from '../../api/client.ts'
import { CodeBlock } from '../../kit/CodeBlock.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { keysKey } from './keys-key.ts'

type Scope = BodyOf<'/api/keys', 'post'>['scopes'][number]

const labelCharsMax = 100

const scopes: readonly { readonly value: Scope; readonly label: string; readonly description: string }[] = [
  { value: 'read', label: 'read', description: 'see projects and events, ask questions' },
  { value: 'write', label: 'write', description: 'save and change insights' },
  { value: 'manage', label: 'manage', description: 'make and change projects, tokens and keys' },
]

/** The key itself is shown here, once, and kept by nobody but whoever copies it: Sluice has only its hash. */
export function NewKey({ keys }: { readonly keys: readonly { readonly id: string }[] | undefined }) {
  const [label, setLabel] = useState('')
  const [chosen, setChosen] = useState<string[]>(['read'])
  const client = useQueryClient()
  const make = useMutation({
    mutationFn: () =>
      answerOf(
        api.POST('/api/keys', {
          body: {
            label: label.trim(),
            scopes: scopes.map(({ value }) => value).filter((scope) => chosen.includes(scope)),
          },
        }),
      ),
    onSuccess: async () => {
      setLabel('')
      setChosen(['read'])
      await client.invalidateQueries({ queryKey: keysKey })
    },
  })
  // A key that was revoked again is no longer worth copying.
  const isThere = (id: string): boolean => keys?.some((key) => key.id === id) ?? true
  return (
    <Stack component="section" className="surface" p="lg" gap="md" aria-labelledby="new-key">
      <Title order={2} id="new-key">
        New key
      </Title>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          make.mutate()
        }}
      >
        <Stack gap="md" maw="30rem">
          <TextInput
            label="Name"
            description="What will use it, so that you know later what to revoke."
            placeholder="nightly report"
            required
            maxLength={labelCharsMax}
            value={label}
            onChange={(event) => setLabel(event.currentTarget.value)}
          />
          <Checkbox.Group label="It may" value={chosen} onChange={setChosen}>
            <Stack gap="xs" mt="xs">
              {scopes.map((scope) => (
                <Checkbox key={scope.value} value={scope.value} label={scope.label} description={scope.description} />
              ))}
            </Stack>
          </Checkbox.Group>
          {make.isError && <ErrorState title="The key was not made" error={make.error} />}
          <Group>
            <Button type="submit" loading={make.isPending} disabled={label.trim() === '' || chosen.length === 0}>
              Make the key
            </Button>
          </Group>
        </Stack>
      </form>
      {make.isSuccess && isThere(make.data.id) && (
        <Alert color="green" variant="light" title={`The key “${make.data.label}”`} role="status">
          <Text size="sm" mb="sm">
            Copy it now: it is shown this once, and nobody can look it up later.
          </Text>
          <CodeBlock code={make.data.key} label="the key" />
        </Alert>
      )}
    </Stack>
  )
}
