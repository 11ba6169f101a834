import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

interface EventLinkProps {
  readonly projectId: number
  readonly uuid: string
  readonly children: ReactNode
}

/** To the journey of an event: what became of it, step by step. */
export function EventLink({ projectId, uuid, children }: EventLinkProps) {
  return (
    <Anchor
      inherit
      renderRoot={(props) => (
        <Link {...props} to="/projects/$projectId/events/$uuid" params={{ projectId: String(projectId), uuid }} />
      )}
    >
      {children}
    </Anchor>
  )
}
