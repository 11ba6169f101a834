import { Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet } from '@tanstack/react-router'
import { useEffect } from 'react'
import { projectsQuery } from '../api/projects.ts'
import { rememberProject, useCurrentProject } from '../current-project.ts'
import { ErrorState } from '../kit/ErrorState.tsx'
import { Loading } from '../kit/Loading.tsx'
import { PageHeader } from '../kit/PageHeader.tsx'

/** Holds the promise of `useProject`: what is below is shown only when the project of the address is there. */
export function ProjectOutlet() {
  const projects = useQuery(projectsQuery)
  const project = useCurrentProject()
  useEffect(() => {
    if (project !== undefined) rememberProject(project)
  }, [project])
  if (project !== undefined) return <Outlet key={project.id} />
  if (projects.isPending) return <Loading />
  if (projects.isError) return <ErrorState error={projects.error} onRetry={() => void projects.refetch()} />
  return (
    <>
      <PageHeader title="This project is not here" />
      <Text>
        It may belong to another organization than the one you are signed in to, or to another installation of Sluice.
      </Text>
      <Group mt="md">
        <Button component={Link} to="/" variant="default">
          To your projects
        </Button>
      </Group>
    </>
  )
}
