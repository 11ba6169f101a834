import { Box, Group, Stack, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'

interface LoginFrameProps {
  readonly title: string
  readonly description: string
  readonly children: ReactNode
}

/** What stands before the console: one card, no navigation. */
export function LoginFrame({ title, description, children }: LoginFrameProps) {
  useDocumentTitle(`${title} · Sluice`)
  return (
    <Box component="main" mih="100dvh" p="md" style={{ display: 'grid', placeItems: 'center' }}>
      <Stack w="100%" maw="24rem" gap="lg">
        <Group gap="sm" justify="center">
          <img src="./icon.svg" alt="" width={32} height={32} />
          <Text fw={650} size="xl">
            Sluice
          </Text>
        </Group>
        <Stack className="surface" p="lg" gap="md">
          <div>
            <Title order={1}>{title}</Title>
            <Text c="dimmed" size="sm" mt={4}>
              {description}
            </Text>
          </div>
          {children}
        </Stack>
      </Stack>
    </Box>
  )
}
