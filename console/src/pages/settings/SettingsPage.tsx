import { Tabs } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { PageHeader } from '../../kit/PageHeader.tsx'
import { AccountTab } from './AccountTab.tsx'
import { KeysTab } from './KeysTab.tsx'
import { LimitsTab } from './LimitsTab.tsx'
import { ProjectsTab } from './ProjectsTab.tsx'

const tabs = [
  { id: 'projects', name: 'Projects', Content: ProjectsTab },
  { id: 'keys', name: 'Personal keys', Content: KeysTab },
  { id: 'limits', name: 'Limits', Content: LimitsTab },
  { id: 'account', name: 'Account', Content: AccountTab },
] as const

/** Which tab is open stands in the address, so that one can point to it. */
export function SettingsPage() {
  const search: { readonly tab?: unknown } = useSearch({ strict: false })
  const navigate = useNavigate()
  const open = tabs.find(({ id }) => id === search.tab) ?? tabs[0]
  return (
    <>
      <PageHeader title="Settings" />
      <Tabs
        value={open.id}
        onChange={(tab) => void navigate({ to: '/settings', search: { tab }, replace: true })}
        keepMounted={false}
      >
        <Tabs.List mb="lg">
          {tabs.map(({ id, name }) => (
            <Tabs.Tab key={id} value={id}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map(({ id, Content }) => (
          <Tabs.Panel key={id} value={id}>
            <Content />
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
  )
}
