import { PageHeader } from '../../kit/PageHeader.tsx'

export function InsightsPage() {
  return <PageHeader title="Insights" />
}
