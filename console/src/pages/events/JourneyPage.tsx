import { PageHeader } from '../../kit/PageHeader.tsx'

export function JourneyPage() {
  return <PageHeader title="Journey" />
}
