import { Box, Button, Group, List, Text } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Completeness } from '../../kit/Completeness.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import classes from './AnswerFrame.module.css'
import { adviceForQuestion } from './question-advice.ts'

interface Completable {
  readonly complete_through: string
  readonly waiting_events: number
  readonly parked_events: number
}

interface AnswerFrameProps<T extends { readonly answer: Completable }> {
  readonly query: UseQueryResult<T>
  /** Sets a shorter range. */
  readonly onNarrow: () => void
  readonly children: (data: T) => ReactNode
}

const ICON_SIZE = 16

/** The states of any answer: on its way, failed with what helps, there, and there while a newer one is on its way. */
export function AnswerFrame<T extends { readonly answer: Completable }>(props: AnswerFrameProps<T>) {
  const { query, onNarrow, children } = props
  if (query.isPending) return <Loading label="Asking" rows={8} />
  if (query.isError) {
    const advice = adviceForQuestion(query.error)
    return (
      <>
        <ErrorState
          error={query.error}
          title={advice?.title ?? 'The question could not be answered'}
          onRetry={() => void query.refetch()}
        />
        {advice !== undefined && (
          <Box px="md">
            <Text fw={600}>What helps</Text>
            <List size="sm" mt={4}>
              {advice.steps.map((step) => (
                <List.Item key={step}>{step}</List.Item>
              ))}
            </List>
            {advice.isRangeToBlame && (
              <Button size="xs" mt="sm" onClick={onNarrow}>
                Ask about the last 7 days
              </Button>
            )}
          </Box>
        )}
      </>
    )
  }
  return (
    <div aria-busy={query.isFetching}>
      <Group justify="space-between" align="flex-start" wrap="nowrap" mb="sm" gap="xs">
        <Completeness of={query.data.answer} />
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconRefresh size={ICON_SIZE} aria-hidden />}
          loading={query.isFetching}
          onClick={() => void query.refetch()}
        >
          Ask again
        </Button>
      </Group>
      <div className={classes['answer']} data-old={query.isPlaceholderData || undefined}>
        {children(query.data)}
      </div>
    </div>
  )
}
