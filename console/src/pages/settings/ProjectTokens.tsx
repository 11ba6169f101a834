import { Box, Button, Code, Group, Stack, Text, Title } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { answerOf, api } from '../../api/client.ts'
import { projectsQuery } from '../../api/projects.ts'
import type { Project } from '../../api/projects.ts'
import { CopyButton } from '../../kit/CopyButton.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { ConfirmButton } from './ConfirmButton.tsx'

const iconSize = 16

export function ProjectTokens({ project }: { readonly project: Project }) {
  const client = useQueryClient()
  const refresh = () => client.invalidateQueries({ queryKey: projectsQuery.queryKey })
  const path = { id: project.id }
  const add = useMutation({
    mutationFn: () => answerOf(api.POST('/api/projects/{id}/tokens', { params: { path }, body: {} })),
    onSuccess: refresh,
  })
  const revoke = useMutation({
    mutationFn: async (token: string): Promise<void> => {
      await answerOf(api.DELETE('/api/projects/{id}/tokens/{token}', { params: { path: { ...path, token } } }))
    },
    onSuccess: refresh,
  })
  return (
    <Stack gap="sm">
      <Title order={3}>Project tokens</Title>
      <Text size="sm" c="dimmed">
        SDKs send events by a token. It can write and nothing else, so it may stand in a page that everybody can read.
      </Text>
      {project.tokens.length === 0 && (
        <Text size="sm">This project has no token, so nothing can be sent to it. Add one to go on.</Text>
      )}
      {project.tokens.map((token) => (
        <Group key={token} gap="xs" wrap="nowrap">
          <Box style={{ minWidth: 0 }}>
            <Code style={{ overflowWrap: 'anywhere' }}>{token}</Code>
          </Box>
          <CopyButton text={token} label="Copy the token" />
          <ConfirmButton
            verb="Revoke"
            label={`Revoke the token ${token}`}
            question="Revoke this token?"
            consequence={`Whatever still sends by it is answered 401, and SDKs throw such events away. It works within some seconds and cannot be undone. ${
              project.tokens.length === 1 ? 'It is the last token of the project.' : 'Other tokens are not touched.'
            }`}
            act={() => revoke.mutateAsync(token)}
            error={revoke.error}
            isPending={revoke.isPending}
          />
        </Group>
      ))}
      {add.isError && <ErrorState title="No token was added" error={add.error} />}
      <Group>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={iconSize} aria-hidden />}
          loading={add.isPending}
          onClick={() => add.mutate()}
        >
          Add a token
        </Button>
      </Group>
    </Stack>
  )
}
