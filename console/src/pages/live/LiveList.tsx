import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { Text, UnstyledButton } from '@mantine/core'
import { memo } from 'react'
import type { KeyboardEvent } from 'react'
import { EventLink } from '../../kit/EventLink.tsx'
import { PropertiesTable } from '../../kit/PropertiesTable.tsx'
import { exactTime } from '../../kit/time-words.ts'
import { sayGap } from './live-feed.ts'
import type { LiveRow } from './live-feed.ts'
import classes from './LiveList.module.css'

interface LiveListProps {
  readonly projectId: number
  readonly rows: readonly LiveRow[]
  readonly openKey: number | undefined
  readonly onOpen: (key: number | undefined) => void
}

/** Not read out as it grows; arrow keys go from event to event. */
export function LiveList({ projectId, rows, openKey, onOpen }: LiveListProps) {
  return (
    <ul
      className={`surface ${classes['list'] ?? ''}`}
      aria-label="Events, newest first"
      aria-live="off"
      onKeyDown={moveFocus}
    >
      {rows.map((row) =>
        row.kind === 'gap' ? (
          <li key={row.key} className={classes['gap']}>
            {sayGap(row.gap)}
          </li>
        ) : (
          <EventRow key={row.key} projectId={projectId} row={row} isOpen={row.key === openKey} onOpen={onOpen} />
        ),
      )}
    </ul>
  )
}

interface EventRowProps {
  readonly projectId: number
  readonly row: LiveRow & { readonly kind: 'event' }
  readonly isOpen: boolean
  readonly onOpen: (key: number | undefined) => void
}

const iconSize = 16

/** Hundreds stand in the list and a few change at a time: only those are made anew. */
const EventRow = memo(
  function EventRow({ projectId, row, isOpen, onOpen }: EventRowProps) {
    const { event, key } = row
    const Chevron = isOpen ? IconChevronDown : IconChevronRight
    const at = new Date(event.acceptedAt)
    return (
      <li className={classes['row']}>
        <UnstyledButton
          className={classes['button']}
          aria-expanded={isOpen}
          data-live-row
          onClick={() => onOpen(isOpen ? undefined : key)}
        >
          <Chevron size={iconSize} aria-hidden />
          <time className={classes['time']} dateTime={event.acceptedAt} title={exactTime(at)}>
            {clockOf(at)}
          </time>
          <span className={classes['event']}>{event.event}</span>
          <span className={classes['who']}>{event.distinctId}</span>
        </UnstyledButton>
        {isOpen && (
          <div className={classes['details']}>
            <Text size="sm" mb="xs">
              <EventLink projectId={projectId} uuid={event.uuid}>
                What became of this event
              </EventLink>{' '}
              <span className="mono">{event.uuid}</span>
            </Text>
            {event.arePropertiesCut ? (
              <Text size="sm" c="dimmed">
                The properties are too large for the feed. They are stored whole; the page of the event shows them.
              </Text>
            ) : (
              <PropertiesTable properties={event.properties} />
            )}
          </div>
        )}
      </li>
    )
  },
  (before, after) => before.row === after.row && before.isOpen === after.isOpen && before.projectId === after.projectId,
)

function clockOf(at: Date): string {
  return /\d\d:\d\d:\d\d\.\d+/.exec(exactTime(at))?.[0] ?? '–'
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-live-row]')]
  const at = rows.findIndex((row) => row === document.activeElement)
  const next = rows[at + (event.key === 'ArrowDown' ? 1 : -1)]
  if (at === -1 || next === undefined) return
  event.preventDefault()
  next.focus()
}
