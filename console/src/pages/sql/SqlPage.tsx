import { PageHeader } from '../../kit/PageHeader.tsx'

export function SqlPage() {
  return <PageHeader title="SQL" />
}
