/** Every address of the console. All of it stands behind the hash, so any path prefix and any file server will do. */
import { Anchor, Text } from '@mantine/core'
import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Link,
  Navigate,
} from '@tanstack/react-router'
import { useQuery } from '@tanstack/react-query'
import { projectsQuery } from './api/projects.ts'
import { lastProjectOf } from './current-project.ts'
import { ErrorState } from './kit/ErrorState.tsx'
import { Loading } from './kit/Loading.tsx'
import { PageHeader } from './kit/PageHeader.tsx'
import { NotFoundPage } from './layout/NotFoundPage.tsx'
import { ProjectOutlet } from './layout/ProjectOutlet.tsx'
import { Shell } from './layout/Shell.tsx'

/** What stands behind the `?` of an address. Pages read it with a function of their own, which trusts nothing. */
const anySearch = (search: Record<string, unknown>): Record<string, unknown> => search

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage })

const homeRoute = createRoute({ getParentRoute: () => rootRoute, path: '/', component: Home })

const projectRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/projects/$projectId',
  component: ProjectOutlet,
})

const startRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/start',
  component: lazyRouteComponent(() => import('./pages/start/StartPage.tsx'), 'StartPage'),
})

const liveRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/live',
  validateSearch: anySearch,
  component: lazyRouteComponent(() => import('./pages/live/LivePage.tsx'), 'LivePage'),
})

const eventsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/events',
  validateSearch: anySearch,
  component: lazyRouteComponent(() => import('./pages/events/EventsPage.tsx'), 'EventsPage'),
})

const journeyRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/events/$uuid',
  component: lazyRouteComponent(() => import('./pages/events/JourneyPage.tsx'), 'JourneyPage'),
})

const insightsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/insights',
  validateSearch: anySearch,
  component: lazyRouteComponent(() => import('./pages/insights/InsightsPage.tsx'), 'InsightsPage'),
})

const sqlRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/sql',
  validateSearch: anySearch,
  component: lazyRouteComponent(() => import('./pages/sql/SqlPage.tsx'), 'SqlPage'),
})

const healthRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/health',
  component: lazyRouteComponent(() => import('./pages/health/HealthPage.tsx'), 'HealthPage'),
})

const settingsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/settings',
  validateSearch: anySearch,
  component: lazyRouteComponent(() => import('./pages/settings/SettingsPage.tsx'), 'SettingsPage'),
})

export const router = createRouter({
  history: createHashHistory(),
  routeTree: rootRoute.addChildren([
    homeRoute,
    projectRoute.addChildren([startRoute, liveRoute, eventsRoute, journeyRoute, insightsRoute, sqlRoute]),
    healthRoute,
    settingsRoute,
  ]),
  defaultPendingComponent: () => <Loading />,
  defaultErrorComponent: ({ error, reset }) => <ErrorState error={error} onRetry={reset} />,
  defaultNotFoundComponent: NotFoundPage,
  defaultPendingMs: 200,
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

function Home() {
  const projects = useQuery(projectsQuery)
  if (projects.isPending) return <Loading />
  if (projects.isError) return <ErrorState error={projects.error} onRetry={() => void projects.refetch()} />
  const project = lastProjectOf(projects.data)
  if (project === undefined)
    return (
      <>
        <PageHeader title="There is no project yet" />
        <Text>
          Events belong to a project. Make one under{' '}
          <Anchor renderRoot={(props) => <Link {...props} to="/settings" />}>Settings</Anchor>; it comes with the token
          that SDKs send by.
        </Text>
      </>
    )
  return <Navigate to="/projects/$projectId/start" params={{ projectId: String(project.id) }} replace />
}
