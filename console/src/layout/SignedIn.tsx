import { Container } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import type { ReactNode } from 'react'
import { sessionQuery } from '../api/session.ts'
import { ErrorState } from '../kit/ErrorState.tsx'
import { Loading } from '../kit/Loading.tsx'
import { PageHeader } from '../kit/PageHeader.tsx'

const LoginPage = lazy(() => import('../pages/login/LoginPage.tsx').then((file) => ({ default: file.LoginPage })))
const NewPasswordPage = lazy(() =>
  import('../pages/login/NewPasswordPage.tsx').then((file) => ({ default: file.NewPasswordPage })),
)

/**
 * Shows the console to whoever is signed in, and to nobody else. The address stays as it is meanwhile, so after signing
 * in one stands where one wanted to go.
 */
export function SignedIn({ children }: { readonly children: ReactNode }) {
  const session = useQuery(sessionQuery)
  if (session.isPending) return <Loading label="Asking who you are" />
  if (session.data === undefined)
    return (
      <Container component="main" size="xs" pt="15vh">
        <PageHeader title="Sluice" />
        <ErrorState error={session.error} onRetry={() => void session.refetch()} />
      </Container>
    )
  if (session.data === null)
    return (
      <Suspense fallback={<Loading />}>
        <LoginPage />
      </Suspense>
    )
  if (session.data.must_change_password)
    return (
      <Suspense fallback={<Loading />}>
        <NewPasswordPage session={session.data} />
      </Suspense>
    )
  return children
}
