import { PageHeader } from '../../kit/PageHeader.tsx'

export function StartPage() {
  return <PageHeader title="Start" />
}
