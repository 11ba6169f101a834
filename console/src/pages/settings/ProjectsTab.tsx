import { Button, Group, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { projectsQuery } from '../../api/projects.ts'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { NewProject } from './NewProject.tsx'
import { ProjectCard } from './ProjectCard.tsx'

const iconSize = 16

export function ProjectsTab() {
  const projects = useQuery(projectsQuery)
  const [isMaking, making] = useDisclosure(false)
  if (projects.isPending) return <Loading />
  if (projects.isError)
    return (
      <ErrorState
        title="The projects could not be fetched"
        error={projects.error}
        onRetry={() => void projects.refetch()}
      />
    )
  return (
    <Stack gap="lg" maw="56rem">
      <Group>
        <Button leftSection={<IconPlus size={iconSize} aria-hidden />} onClick={making.open}>
          New project
        </Button>
      </Group>
      <NewProject isOpen={isMaking} onClose={making.close} />
      {projects.data.length === 0 && (
        <EmptyState title="There is no project yet">
          Events belong to a project. A new one comes with the token that SDKs send by.
        </EmptyState>
      )}
      {projects.data.map((project) => (
        <ProjectCard key={project.id} project={project} />
      ))}
    </Stack>
  )
}
