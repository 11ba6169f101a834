import { Alert, Button, Group, List, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { ApiProblem } from '../api/problem.ts'
import { adviceFor } from './advice.ts'

interface ErrorStateProps {
  readonly error: unknown
  /** What could not be done, as a sentence; without it the error's own title. */
  readonly title?: string
  readonly onRetry?: () => void
}

/** What happened, why, and what to do. Read out at once by screen readers. */
export function ErrorState({ error, title, onRetry }: ErrorStateProps) {
  const problem = error instanceof ApiProblem ? error : undefined
  const happened = problem?.detail ?? (error instanceof Error ? error.message : 'Something went wrong in this page.')
  // One that says no more than the sentence above.
  const fields = problem?.fields.filter(({ message }) => message !== problem.detail) ?? []
  return (
    <Alert
      color="red"
      variant="light"
      role="alert"
      icon={<IconAlertTriangle aria-hidden />}
      title={title ?? problem?.message ?? 'This page could not be shown'}
      my="md"
    >
      <Text size="sm">{happened}</Text>
      {fields.length > 0 && (
        <List size="sm" mt={4}>
          {fields.map((field) => (
            <List.Item key={`${field.field} ${field.message}`}>
              <span className="mono">{field.field}</span>: {field.message}
            </List.Item>
          ))}
        </List>
      )}
      <Text size="sm" mt={4}>
        {adviceFor(error)}
      </Text>
      <Group mt="sm" gap="md">
        {onRetry !== undefined && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
        {problem !== undefined && (
          <Text size="xs" className="mono">
            {problem.code}
          </Text>
        )}
      </Group>
    </Alert>
  )
}
