import { Table, Text, UnstyledButton } from '@mantine/core'
import { propertyText, sortedProperties } from '../../kit/property-text.ts'
import { TimeText } from '../../kit/TimeText.tsx'
import { TableFrame } from '../../kit/TableFrame.tsx'
import type { EventRow } from './events-query.ts'
import classes from './EventsTable.module.css'

interface EventsTableProps {
  readonly events: readonly EventRow[]
  readonly open: string
  readonly onOpen: (uuid: string) => void
}

const PREVIEW_PROPERTIES = 6

export function EventsTable({ events, open, onOpen }: EventsTableProps) {
  return (
    <TableFrame label="Events, newest first">
      {/* The roles stay when the rows of a phone are no rows of a table any more. */}
      <Table highlightOnHover verticalSpacing={6} className={classes['table'] ?? ''} role="table">
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            <Table.Th role="columnheader">Time</Table.Th>
            <Table.Th role="columnheader">Event</Table.Th>
            <Table.Th role="columnheader">Distinct id</Table.Th>
            <Table.Th role="columnheader">Properties</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {events.map((event) => (
            // The button in the row is what keyboards and screen readers use; the rest of the row helps the mouse.
            <Table.Tr
              key={event.uuid}
              role="row"
              className={classes['row'] ?? ''}
              data-open={event.uuid === open || undefined}
              onClick={() => onOpen(event.uuid)}
            >
              <Table.Td role="cell" className={classes['time'] ?? ''}>
                <TimeText time={event.timestamp} />
              </Table.Td>
              <Table.Td role="cell" className={classes['name'] ?? ''}>
                <UnstyledButton
                  fw={600}
                  fz="sm"
                  className={classes['open'] ?? ''}
                  aria-haspopup="dialog"
                  onClick={(click) => {
                    click.stopPropagation()
                    onOpen(event.uuid)
                  }}
                >
                  {event.event}
                </UnstyledButton>
              </Table.Td>
              <Table.Td role="cell" className={`truncate ${classes['person'] ?? ''}`} title={event.distinct_id}>
                {event.distinct_id}
              </Table.Td>
              <Table.Td role="cell" className={`truncate ${classes['preview'] ?? ''}`}>
                <Preview properties={event.properties} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </TableFrame>
  )
}

function Preview({ properties }: { readonly properties: Readonly<Record<string, unknown>> }) {
  const sorted = sortedProperties(properties)
  if (sorted.length === 0)
    return (
      <Text span size="sm" c="dimmed">
        none
      </Text>
    )
  return sorted.slice(0, PREVIEW_PROPERTIES).map(([name, value]) => (
    <span key={name} className={classes['property']}>
      <Text span size="sm" c="dimmed">
        {name}{' '}
      </Text>
      {propertyText(value).slice(0, 60)}
    </span>
  ))
}
