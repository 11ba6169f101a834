import { Table, Text } from '@mantine/core'
import { propertyText, sortedProperties } from './property-text.ts'

/** All properties of one event. */
export function PropertiesTable({ properties }: { readonly properties: Readonly<Record<string, unknown>> }) {
  const sorted = sortedProperties(properties)
  if (sorted.length === 0) return <Text c="dimmed">This event has no properties.</Text>
  return (
    <Table fz="sm" layout="fixed" verticalSpacing={4} aria-label="Properties">
      <Table.Thead className="visually-hidden">
        <Table.Tr>
          <Table.Th>Property</Table.Th>
          <Table.Th>Value</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {sorted.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" w="35%" fw={500} style={{ verticalAlign: 'top' }}>
              {name}
            </Table.Th>
            <Table.Td className="mono" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
              {typeof value === 'object' && value !== null ? JSON.stringify(value, null, 2) : propertyText(value)}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
