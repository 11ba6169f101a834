import { PageHeader } from '../../kit/PageHeader.tsx'

export function HealthPage() {
  return <PageHeader title="Health" />
}
