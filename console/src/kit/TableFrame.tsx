import { Box } from '@mantine/core'
import type { ReactNode } from 'react'

/** Around a table that may be wider than the page: it scrolls by itself, by keyboard too, and the page does not. */
export function TableFrame({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <Box
      className="surface"
      // What is hidden for the eye stands absolutely in it, and must not widen the page.
      style={{ overflowX: 'auto', position: 'relative' }}
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      {children}
    </Box>
  )
}
