import { ScrollArea, Table, Text, UnstyledButton } from '@mantine/core'
import { propertyText, sortedProperties } from '../../kit/property-text.ts'
import { TimeText } from '../../kit/TimeText.tsx'
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
    <ScrollArea viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': 'Events, newest first' }}>
      <Table highlightOnHover verticalSpacing={6} className={classes['table'] ?? ''}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Time</Table.Th>
            <Table.Th scope="col">Event</Table.Th>
            <Table.Th scope="col">Distinct id</Table.Th>
            <Table.Th scope="col">Properties</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {events.map((event) => (
            // The button in the row is what keyboards and screen readers use; the rest of the row helps the mouse.
            <Table.Tr
              key={event.uuid}
              className={classes['row'] ?? ''}
              data-open={event.uuid === open || undefined}
              onClick={() => onOpen(event.uuid)}
            >
              <Table.Td>
                <TimeText time={event.timestamp} />
              </Table.Td>
              <Table.Td className={classes['name'] ?? ''}>
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
              <Table.Td className={`truncate ${classes['person'] ?? ''}`} title={event.distinct_id}>
                {event.distinct_id}
              </Table.Td>
              <Table.Td className={`truncate ${classes['preview'] ?? ''}`}>
                <Preview properties={event.properties} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
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
