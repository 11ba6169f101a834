import { Button, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { sessionKey } from '../../api/session.ts'
import type { Session } from '../../api/session.ts'
import { PasswordForm } from '../../kit/PasswordForm.tsx'
import { useSignOut } from '../../layout/sign-out.ts'
import { LoginFrame } from './LoginFrame.tsx'

/** The one-time password was printed to a terminal or a log, so the first thing to do is to replace it. */
export function NewPasswordPage({ session }: { readonly session: Session }) {
  const client = useQueryClient()
  const signOut = useSignOut()
  return (
    <LoginFrame
      title="Choose a password"
      description="The one-time password has been shown in a terminal or a log. Replace it by one that only you know."
    >
      <PasswordForm
        login={session.user.login}
        currentLabel="One-time password"
        onDone={() => client.setQueryData(sessionKey, { ...session, must_change_password: false })}
      />
      <Text size="sm" c="dimmed">
        Signed in as {session.user.login}.
      </Text>
      <Button variant="subtle" size="xs" loading={signOut.isPending} onClick={() => signOut.mutate()}>
        Sign out
      </Button>
    </LoginFrame>
  )
}
