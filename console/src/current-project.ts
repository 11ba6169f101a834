/**
 * Words used here:
 * - project of the page: the one whose id stands in the address.
 * - last project: the one that was open last in this browser; pages without a project in their address use it.
 */
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { projectsQuery } from './api/projects.ts'
import type { Project } from './api/projects.ts'

const lastProjectKey = 'sluice-project'

/** Undefined while the projects are being fetched, when there is none, and when the address names one that is not there. */
export function useCurrentProject(): Project | undefined {
  const { projectId } = useParams({ strict: false })
  const { data } = useQuery(projectsQuery)
  if (data === undefined) return undefined
  if (projectId !== undefined) return data.find((project) => String(project.id) === projectId)
  return lastProjectOf(data)
}

/** For pages below `/projects/$projectId`: the layout shows them only when the project is there. */
export function useProject(): Project {
  const project = useCurrentProject()
  if (project === undefined) throw new Error('This page is shown without a project.')
  return project
}

export function lastProjectOf(projects: readonly Project[]): Project | undefined {
  const last = localStorage.getItem(lastProjectKey)
  return projects.find((project) => String(project.id) === last) ?? projects[0]
}

export function rememberProject(project: Project): void {
  localStorage.setItem(lastProjectKey, String(project.id))
}
