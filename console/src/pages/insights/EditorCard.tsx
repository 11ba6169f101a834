import { ActionIcon, Badge, Group, Paper, Stack, Tooltip } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'

interface EditorCardProps {
  /** "Series A", "Step 2": read out, and part of the names of the buttons. */
  readonly name: string
  /** What is seen of the name. */
  readonly badge: string
  /** Undefined: it cannot be removed. */
  readonly onRemove?: (() => void) | undefined
  /** Stand beside the remove button. */
  readonly buttons?: ReactNode
  readonly children: ReactNode
}

const ICON_SIZE = 16

/** One entry of a list in an editor. */
export function EditorCard({ name, badge, onRemove, buttons, children }: EditorCardProps) {
  return (
    <Paper withBorder p="xs" role="group" aria-label={name}>
      <Stack gap={6}>
        <Group justify="space-between" gap="xs" mih={28}>
          <Badge variant="light" tt="none" aria-hidden>
            {badge}
          </Badge>
          <Group gap={4}>
            {buttons}
            {onRemove !== undefined && (
              <Tooltip label={`Remove ${name.toLowerCase()}`}>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Remove ${name.toLowerCase()}`}
                  onClick={onRemove}
                >
                  <IconX size={ICON_SIZE} aria-hidden />
                </ActionIcon>
              </Tooltip>
            )}
          </Group>
        </Group>
        {children}
      </Stack>
    </Paper>
  )
}
