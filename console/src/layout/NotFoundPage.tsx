import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { EmptyState } from '../kit/EmptyState.tsx'

export function NotFoundPage() {
  return (
    <EmptyState
      title="There is no such page"
      action={
        <Button component={Link} to="/" variant="default">
          To the start
        </Button>
      }
    >
      The link may be from another version of the console, or was cut off on its way.
    </EmptyState>
  )
}
