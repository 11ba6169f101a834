import { Box, Group, Stack, Text, Title, useComputedColorScheme } from '@mantine/core'
import { chartColor } from '../../kit/chart-colors.ts'
import { countOf, formatNumber } from '../../kit/numbers.ts'
import { percent, type FunnelStep } from './funnel-answer.ts'
import classes from './FunnelBars.module.css'

/** One block a step, one bar a group; the number stands beside each bar, so no bar has to be measured by eye. */
export function FunnelBars({ steps }: { readonly steps: readonly FunnelStep[] }) {
  const scheme = useComputedColorScheme('light')
  return (
    <Stack component="ol" gap="lg" m={0} p={0} style={{ listStyle: 'none' }}>
      {steps.map((step, at) => (
        <li key={at}>
          <Title order={2} size="h3" mb={6} style={{ overflowWrap: 'anywhere' }}>
            {String(at + 1)}. {step.name}
          </Title>
          <Stack gap={8}>
            {step.bars.map((bar, index) => (
              <Box key={`${String(index)} ${bar.name}`}>
                <Group justify="space-between" gap="xs" mb={2}>
                  <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                    {step.bars.length > 1 && <b>{bar.name} · </b>}
                    {countOf(bar.users, 'user')}
                  </Text>
                  <Text size="sm">
                    <b>{percent(bar.fromStart)}</b> of the start
                    {at > 0 && ` · ${percent(bar.fromPrevious)} of step ${String(at)}`}
                    {bar.lost > 0 && ` · ${formatNumber(bar.lost)} left`}
                  </Text>
                </Group>
                <div className={classes['track']} aria-hidden>
                  <div
                    className={classes['bar']}
                    style={{ width: `${String(bar.fromStart * 100)}%`, background: chartColor(index, scheme) }}
                  />
                </div>
              </Box>
            ))}
          </Stack>
        </li>
      ))}
    </Stack>
  )
}
