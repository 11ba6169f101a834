import { PageHeader } from '../../kit/PageHeader.tsx'

export function LivePage() {
  return <PageHeader title="Live" />
}
