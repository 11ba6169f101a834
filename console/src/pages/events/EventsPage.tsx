import { PageHeader } from '../../kit/PageHeader.tsx'

export function EventsPage() {
  return <PageHeader title="Events" />
}
