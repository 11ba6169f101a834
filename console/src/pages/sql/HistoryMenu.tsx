import { Button, Menu, Text } from '@mantine/core'
import { IconHistory, IconTrash } from '@tabler/icons-react'
import { TimeText } from '../../kit/TimeText.tsx'
import type { AskedQuestion } from './question-history.ts'
import { historyMax } from './question-history.ts'

interface HistoryMenuProps {
  readonly history: readonly AskedQuestion[]
  readonly onPick: (query: string) => void
  readonly onClear: () => void
}

export function HistoryMenu({ history, onPick, onClear }: HistoryMenuProps) {
  return (
    <Menu position="bottom-end" withinPortal withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconHistory size={16} aria-hidden />}>
          History
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }} maw="min(30rem, 92vw)">
        <Menu.Label>
          {history.length === 0
            ? 'Nothing was asked yet in this browser.'
            : `The last ${String(historyMax)} questions, kept in this browser`}
        </Menu.Label>
        {history.map(({ query, at }) => (
          <Menu.Item key={query} onClick={() => onPick(query)}>
            <Text size="sm" className="mono" lineClamp={2}>
              {query}
            </Text>
            <Text size="xs" c="dimmed">
              <TimeText time={at} />
            </Text>
          </Menu.Item>
        ))}
        {history.length > 0 && (
          <>
            <Menu.Divider />
            <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={onClear}>
              Clear the history
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
