import { PageHeader } from '../../kit/PageHeader.tsx'

export function SettingsPage() {
  return <PageHeader title="Settings" />
}
