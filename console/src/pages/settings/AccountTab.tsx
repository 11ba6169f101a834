import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { sessionQuery } from '../../api/session.ts'
import { PasswordForm } from '../../kit/PasswordForm.tsx'
import { useSignOut } from '../../layout/sign-out.ts'

export function AccountTab() {
  const { data: session } = useQuery(sessionQuery)
  const signOut = useSignOut()
  const [isChanged, setChanged] = useState(false)
  if (session == null) return null
  return (
    <Stack gap="lg" maw="30rem">
      <Stack component="section" className="surface" p="lg" gap="sm" aria-labelledby="who">
        <Title order={2} id="who">
          {session.user.login}
        </Title>
        <Text size="sm" c="dimmed">
          {session.organization.name}
        </Text>
        <Group>
          <Button variant="default" loading={signOut.isPending} onClick={() => signOut.mutate()}>
            Sign out
          </Button>
        </Group>
      </Stack>
      <Stack component="section" className="surface" p="lg" gap="md" aria-labelledby="password">
        <Title order={2} id="password">
          Password
        </Title>
        <Text size="sm" c="dimmed">
          Changing it signs you out everywhere but here. Personal keys go on working.
        </Text>
        <PasswordForm login={session.user.login} currentLabel="Current password" onDone={() => setChanged(true)} />
        <Text size="sm" role="status">
          {isChanged && 'The password is changed.'}
        </Text>
      </Stack>
    </Stack>
  )
}
