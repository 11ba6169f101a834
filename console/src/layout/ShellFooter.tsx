import { Button, Stack, Text } from '@mantine/core'
import { IconLogout } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { sessionQuery } from '../api/session.ts'
import { ColorSchemeSwitch } from './ColorSchemeSwitch.tsx'
import { useSignOut } from './sign-out.ts'

export function ShellFooter() {
  const { data: session } = useQuery(sessionQuery)
  const signOut = useSignOut()
  return (
    <Stack gap="xs" mt="md">
      <ColorSchemeSwitch />
      {session != null && (
        <Text size="sm" c="dimmed" className="truncate" title={session.user.login}>
          {session.user.login}
        </Text>
      )}
      <Button
        variant="default"
        size="xs"
        leftSection={<IconLogout size={16} aria-hidden />}
        loading={signOut.isPending}
        onClick={() => signOut.mutate()}
      >
        Sign out
      </Button>
    </Stack>
  )
}
