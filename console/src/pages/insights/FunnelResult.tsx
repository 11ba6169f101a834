import { Stack, Text } from '@mantine/core'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { AnswerFrame } from './AnswerFrame.tsx'
import { useFunnel } from './ask-insight.ts'
import { funnelSteps, isFunnelEmpty } from './funnel-answer.ts'
import type { FunnelBody } from './funnel-question.ts'
import { FunnelBars } from './FunnelBars.tsx'
import { FunnelTable } from './FunnelTable.tsx'

interface FunnelResultProps {
  readonly body: FunnelBody
  readonly onNarrow: () => void
}

export function FunnelResult({ body, onNarrow }: FunnelResultProps) {
  const funnel = useFunnel(body)
  return (
    <AnswerFrame query={funnel} onNarrow={onNarrow}>
      {({ answer }) => {
        if (isFunnelEmpty(answer))
          return (
            <EmptyState title="Nobody made the first step">
              No event of this range is like the first step. Look whether the range is wide enough and whether the
              filters can hold.
            </EmptyState>
          )
        const steps = funnelSteps(answer)
        return (
          <Stack gap="lg">
            <FunnelBars steps={steps} />
            <FunnelTable steps={steps} />
            <Text size="sm" c="dimmed">
              A user counts for a step when all steps up to it happened in this order, within the window that begins
              with the first one.
            </Text>
          </Stack>
        )
      }}
    </AnswerFrame>
  )
}
