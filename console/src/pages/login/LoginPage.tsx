import { Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import { ApiProblem } from '../../api/problem.ts'
import { sessionKey } from '../../api/session.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { LoginFrame } from './LoginFrame.tsx'

export function LoginPage() {
  const [login, setLogin] = useState('')
  const [password, setPassword] = useState('')
  const client = useQueryClient()
  const signIn = useMutation({
    mutationFn: () => answerOf(api.POST('/api/session', { body: { login: login.trim(), password } })),
    meta: { keepsSession: true },
    onSuccess: (session) => client.setQueryData(sessionKey, session),
  })
  const isWrong = signIn.error instanceof ApiProblem && signIn.error.status === 401
  return (
    <LoginFrame
      title="Sign in"
      description="The login and a one-time password were printed when Sluice started for the first time."
    >
      <form
        onSubmit={(event) => {
          event.preventDefault()
          signIn.mutate()
        }}
      >
        <Stack>
          <TextInput
            label="Login"
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            autoFocus
            value={login}
            onChange={(event) => setLogin(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            name="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={isWrong ? 'No login with this password. Look at both again; capitals count.' : undefined}
          />
          {signIn.isError && !isWrong && <ErrorState title="You could not be signed in" error={signIn.error} />}
          <Button type="submit" loading={signIn.isPending}>
            Sign in
          </Button>
        </Stack>
      </form>
    </LoginFrame>
  )
}
