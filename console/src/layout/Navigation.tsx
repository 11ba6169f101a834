import { NavLink, Stack } from '@mantine/core'
import {
  IconActivityHeartbeat,
  IconChartLine,
  IconFlag,
  IconListDetails,
  IconBroadcast,
  IconSettings,
  IconTerminal2,
} from '@tabler/icons-react'
import { Link, useLocation } from '@tanstack/react-router'
import { useCurrentProject } from '../current-project.ts'

const iconSize = 19

const projectPages = [
  { path: 'start', label: 'Start', Icon: IconFlag },
  { path: 'live', label: 'Live', Icon: IconBroadcast },
  { path: 'events', label: 'Events', Icon: IconListDetails },
  { path: 'insights', label: 'Insights', Icon: IconChartLine },
  { path: 'sql', label: 'SQL', Icon: IconTerminal2 },
] as const

const otherPages = [
  { path: '/health', label: 'Health', Icon: IconActivityHeartbeat },
  { path: '/settings', label: 'Settings', Icon: IconSettings },
] as const

export function Navigation({ onPicked }: { readonly onPicked?: () => void }) {
  const project = useCurrentProject()
  const { pathname } = useLocation()
  const stateOf = (isHere: boolean) => ({ active: isHere, ...(isHere ? { 'aria-current': 'page' as const } : {}) })
  return (
    <nav aria-label="Pages" onClick={onPicked}>
      <Stack gap={2}>
        {project !== undefined &&
          projectPages.map(({ path, label, Icon }) => (
            <NavLink
              key={path}
              renderRoot={(props) => (
                <Link {...props} to={`/projects/$projectId/${path}`} params={{ projectId: String(project.id) }} />
              )}
              label={label}
              leftSection={<Icon size={iconSize} aria-hidden />}
              {...stateOf(pathname.startsWith(`/projects/${String(project.id)}/${path}`))}
            />
          ))}
        {otherPages.map(({ path, label, Icon }) => (
          <NavLink
            key={path}
            renderRoot={(props) => <Link {...props} to={path} />}
            label={label}
            leftSection={<Icon size={iconSize} aria-hidden />}
            {...stateOf(pathname.startsWith(path))}
          />
        ))}
      </Stack>
    </nav>
  )
}
