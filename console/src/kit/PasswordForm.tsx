import { Button, PasswordInput, Stack } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { answerOf, api } from '../api/client.ts'
import { ApiProblem } from '../api/problem.ts'
import { ErrorState } from './ErrorState.tsx'

const passwordCharsMin = 12
const passwordCharsMax = 200

interface PasswordFormProps {
  /** For password managers, which keep a password with its login. */
  readonly login: string
  readonly currentLabel: string
  readonly onDone: () => void
}

export function PasswordForm({ login, currentLabel, onDone }: PasswordFormProps) {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [again, setAgain] = useState('')
  const [isTried, setTried] = useState(false)
  const change = useMutation({
    mutationFn: () =>
      answerOf(api.POST('/api/session/password', { body: { current_password: current, new_password: next } })),
    // A wrong current password is no reason to be signed out.
    meta: { keepsSession: true },
    onSuccess: () => {
      setCurrent('')
      setNext('')
      setAgain('')
      setTried(false)
      onDone()
    },
  })
  const isShort = next.length < passwordCharsMin
  const differs = next !== again
  const isWrong = change.error instanceof ApiProblem && [401, 403].includes(change.error.status)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        setTried(true)
        if (!isShort && !differs) change.mutate()
      }}
    >
      <Stack>
        <input type="hidden" name="username" autoComplete="username" value={login} readOnly />
        <PasswordInput
          label={currentLabel}
          autoComplete="current-password"
          required
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
          error={isWrong ? 'This is not the password you signed in with.' : undefined}
        />
        <PasswordInput
          label="New password"
          description={`At least ${String(passwordCharsMin)} characters. Length counts for more than odd signs.`}
          autoComplete="new-password"
          required
          maxLength={passwordCharsMax}
          value={next}
          onChange={(event) => setNext(event.currentTarget.value)}
          error={
            isTried && isShort ? `It has ${String(next.length)} of ${String(passwordCharsMin)} characters.` : undefined
          }
        />
        <PasswordInput
          label="New password once more"
          autoComplete="new-password"
          required
          maxLength={passwordCharsMax}
          value={again}
          onChange={(event) => setAgain(event.currentTarget.value)}
          error={isTried && differs ? 'The two are not the same.' : undefined}
        />
        {change.isError && !isWrong && <ErrorState title="The password was not changed" error={change.error} />}
        <Button type="submit" loading={change.isPending}>
          Change the password
        </Button>
      </Stack>
    </form>
  )
}
