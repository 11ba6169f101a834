import { Text } from '@mantine/core'
import { Chart } from '../../kit/Chart.tsx'
import { CategoryBars } from './CategoryBars.tsx'
import type { BarsChart, LinesChart } from './answer-chart.ts'

/** Loads uPlot with it, so the page loads this only when a chart is looked at. */
export function ResultChart({ chart }: { readonly chart: LinesChart | BarsChart }) {
  return (
    <div className="surface" style={{ padding: 'var(--mantine-spacing-md)' }}>
      {chart.kind === 'bars' ? (
        <CategoryBars label={chart.label} bars={chart.bars} />
      ) : (
        <Chart
          label={chart.label}
          kind="lines"
          times={chart.times}
          series={chart.series}
          formatTime={timeNameOf(chart.times)}
          timeZone="UTC"
        />
      )}
      <Text size="sm" c="dimmed" mt="xs">
        {chart.kind === 'lines' ? 'Times are UTC. ' : ''}
        {chart.leftOut}
      </Text>
    </div>
  )
}

/** Days need no clock. */
function timeNameOf(times: readonly string[]): (time: string) => string {
  const areDays = times.every((time) => time.endsWith('T00:00:00.000Z'))
  return (time) => (areDays ? time.slice(0, 10) : time.slice(0, 19).replace('T', ' '))
}
