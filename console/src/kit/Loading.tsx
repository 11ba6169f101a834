import { Skeleton, Stack } from '@mantine/core'

interface LoadingProps {
  readonly label?: string
  readonly rows?: number
  readonly rowHeight?: number
}

/** Takes about the room of what comes, so that nothing jumps when it is there. */
export function Loading({ label = 'Loading', rows = 5, rowHeight = 28 }: LoadingProps) {
  return (
    <Stack gap="sm" p="md" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={rowHeight} width={row === 0 ? '40%' : '100%'} />
      ))}
    </Stack>
  )
}
