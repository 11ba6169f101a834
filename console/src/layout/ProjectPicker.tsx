import { NativeSelect } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useLocation, useNavigate } from '@tanstack/react-router'
import { projectsQuery } from '../api/projects.ts'
import { rememberProject, useCurrentProject } from '../current-project.ts'

const pageOfProject = /^\/projects\/[^/]+\/(start|live|events|insights|sql)/

/** Goes to the same page of the other project; what was asked there stays behind, it may mean nothing here. */
export function ProjectPicker({ onPicked }: { readonly onPicked?: () => void }) {
  const { data: projects = [] } = useQuery(projectsQuery)
  const current = useCurrentProject()
  const { pathname } = useLocation()
  const navigate = useNavigate()
  if (projects.length === 0) return null
  const pick = (id: string): void => {
    const project = projects.find((each) => String(each.id) === id)
    if (project === undefined) return
    rememberProject(project)
    const page = pageOfProject.exec(pathname)?.[1] ?? 'start'
    void navigate({ to: `/projects/$projectId/${page}` as '/projects/$projectId/start', params: { projectId: id } })
    onPicked?.()
  }
  return (
    <NativeSelect
      label="Project"
      size="sm"
      value={current === undefined ? '' : String(current.id)}
      onChange={(event) => pick(event.currentTarget.value)}
      data={[
        ...(current === undefined ? [{ value: '', label: 'Choose a project' }] : []),
        ...projects.map((project) => ({ value: String(project.id), label: project.name })),
      ]}
    />
  )
}
