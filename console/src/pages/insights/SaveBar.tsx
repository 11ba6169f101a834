import { Button, Group, Text } from '@mantine/core'
import { IconBookmarks } from '@tabler/icons-react'
import { useState } from 'react'
import type { SavedQuestion } from '../../api/insights.ts'
import { CopyButton } from '../../kit/CopyButton.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import type { InsightQuestion } from './insight-question.ts'
import { NameDialog } from './NameDialog.tsx'
import { useSaveAsInsight, useSaveInsight, type SavedInsight } from './saved-insights.ts'
import { SavedInsightsDrawer } from './SavedInsightsDrawer.tsx'

interface SaveBarProps {
  /** Of every kind, also those that another page shows. */
  readonly insights: readonly SavedQuestion[]
  readonly opened: SavedInsight | undefined
  readonly isChanged: boolean
  readonly question: InsightQuestion
  /** What is still missing; such a question is not saved. */
  readonly gap: string | undefined
  /** Shows the insight as it is saved; empty: none. */
  readonly onOpen: (insightId: string) => void
}

const ICON_SIZE = 16

/** Which saved insight is open, and what can be done with the question that is shown. */
export function SaveBar({ insights, opened, isChanged, question, gap, onOpen }: SaveBarProps) {
  const [shown, setShown] = useState<'list' | 'save-as'>()
  const save = useSaveInsight()
  const saveAs = useSaveAsInsight()
  const close = (): void => setShown(undefined)
  const canSave = opened !== undefined && opened.kind === question.kind && isChanged && gap === undefined
  return (
    <>
      <Group gap="xs" mb="md">
        {opened !== undefined && (
          <Text style={{ overflowWrap: 'anywhere' }}>
            <b>{opened.name}</b>
            {isChanged && (
              <Text span c="dimmed">
                {' '}
                (changed)
              </Text>
            )}
          </Text>
        )}
        <Group gap="xs" ml={opened === undefined ? 0 : 'auto'}>
          {opened !== undefined && (
            <Button
              size="xs"
              disabled={!canSave}
              loading={save.isPending}
              onClick={() => save.mutate({ insightId: opened.id, question }, { onSuccess: () => onOpen(opened.id) })}
            >
              Save
            </Button>
          )}
          <Button size="xs" variant="default" disabled={gap !== undefined} onClick={() => setShown('save-as')}>
            Save as…
          </Button>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconBookmarks size={ICON_SIZE} aria-hidden />}
            onClick={() => setShown('list')}
          >
            Saved ({String(insights.length)})
          </Button>
          <CopyButton text={window.location.href} label="Copy a link to this question" />
        </Group>
      </Group>
      {save.error !== null && <ErrorState error={save.error} title="The insight was not saved" />}
      {shown === 'save-as' && (
        <NameDialog
          title="Save the insight"
          button="Save"
          nameAtFirst={opened === undefined ? '' : `${opened.name} (copy)`}
          isBusy={saveAs.isPending}
          error={saveAs.error}
          onClose={close}
          onSubmit={(name) =>
            saveAs.mutate(
              { name, question },
              {
                onSuccess: (insight) => {
                  close()
                  onOpen(insight.id)
                },
              },
            )
          }
        />
      )}
      {shown === 'list' && (
        <SavedInsightsDrawer
          insights={insights}
          open={opened?.id ?? ''}
          onOpen={(id) => {
            close()
            onOpen(id)
          }}
          onDeleted={(id) => {
            if (id === opened?.id) onOpen('')
          }}
          onClose={close}
        />
      )}
    </>
  )
}
