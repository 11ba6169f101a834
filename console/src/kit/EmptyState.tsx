import { Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

interface EmptyStateProps {
  /** What is not there, as a sentence. */
  readonly title: string
  /** Why, and what to do to have it. */
  readonly children?: ReactNode
  readonly action?: ReactNode
  readonly icon?: ReactNode
}

/** Shown where something would be, had there been anything. Not for errors. */
export function EmptyState({ title, children, action, icon }: EmptyStateProps) {
  return (
    <Stack align="center" gap="xs" py="xl" px="md" ta="center">
      {icon}
      <Title order={2}>{title}</Title>
      {children !== undefined && (
        <Text component="div" c="dimmed" maw="36rem">
          {children}
        </Text>
      )}
      {action}
    </Stack>
  )
}
