import 'uplot/dist/uPlot.min.css'
import { Box, Group, Table, Text, UnstyledButton, useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useMemo, useRef, useState } from 'react'
import uPlot from 'uplot'
import classes from './Chart.module.css'
import { chartColor } from './chart-colors.ts'
import { colorIndexes, plotOptions } from './chart-plot.ts'
import type { ChartSeries } from './chart-plot.ts'
import { formatNumber } from './numbers.ts'
import { TableFrame } from './TableFrame.tsx'

interface ChartProps {
  /** What is shown, for screen readers and as the name of the table: "Events a day". */
  readonly label: string
  readonly kind: 'lines' | 'bars'
  /** ISO times, in order. */
  readonly times: readonly string[]
  readonly series: readonly ChartSeries[]
  readonly height?: number
  /** How a time is called in the legend and in the table: by its day, by its hour. */
  readonly formatTime: (time: string) => string
  readonly formatValue?: (value: number) => string
  /** IANA; which clock the axis shows. */
  readonly timeZone?: string
}

const heightDefault = 280

/** Lines or bars over time; the same numbers as a table below, for those who read rather than look. */
export function Chart(props: ChartProps) {
  const { label, kind, times, series, height = heightDefault, formatTime, formatValue = formatNumber, timeZone } = props
  const scheme = useComputedColorScheme('light')
  const { ref: sizeRef, width } = useElementSize()
  const canvas = useRef<HTMLDivElement>(null)
  const [at, setAt] = useState<number>()
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [isTableShown, setTableShown] = useState(false)
  const shown = useMemo(
    () => series.map((one) => (hidden.has(one.name) ? { ...one, values: one.values.map(() => null) } : one)),
    [series, hidden],
  )

  useEffect(() => {
    const place = canvas.current
    if (place === null || width === 0) return
    const css = getComputedStyle(place)
    const options = plotOptions({
      kind,
      series: shown,
      scheme,
      width,
      height,
      paths: uPlot.paths,
      style: {
        text: css.getPropertyValue('--mantine-color-dimmed'),
        grid: css.getPropertyValue('--sluice-chart-grid'),
        font: `12px ${css.fontFamily}`,
      },
      onCursor: setAt,
    })
    const seconds = times.map((time) => Date.parse(time) / 1_000)
    const plot = new uPlot(
      {
        ...options,
        ...(timeZone === undefined ? {} : { tzDate: (ts: number) => uPlot.tzDate(new Date(ts * 1_000), timeZone) }),
      },
      [seconds, ...shown.map((one) => [...one.values])],
      place,
    )
    return () => plot.destroy()
  }, [kind, shown, times, scheme, width, height, timeZone])

  const colors = colorIndexes(series)
  const time = at === undefined ? undefined : times[at]
  const toggle = (name: string): void => {
    const next = new Set(hidden)
    if (!next.delete(name)) next.add(name)
    setHidden(next)
  }
  return (
    <Box component="figure" m={0}>
      <Box ref={sizeRef}>
        <div
          ref={canvas}
          role="img"
          aria-label={`${label}. The same numbers are in the table below.`}
          style={{ height }}
        />
      </Box>
      <Group component="figcaption" gap="xs" mt={4} align="flex-start">
        {series.map((one, index) => {
          const value = at === undefined ? undefined : one.values[at]
          return (
            <UnstyledButton
              key={`${String(index)} ${one.name}`}
              className={classes['legend']}
              aria-pressed={!hidden.has(one.name)}
              title={hidden.has(one.name) ? 'Show' : 'Hide'}
              onClick={() => toggle(one.name)}
            >
              <span
                className={classes['swatch']}
                data-dashed={one.isPrevious === true || undefined}
                style={{ borderColor: chartColor(colors[index] ?? index, scheme) }}
              />
              <span className={classes['name']}>{one.name}</span>
              {value != null && <b className="number">{formatValue(value)}</b>}
            </UnstyledButton>
          )
        })}
        <Text size="sm" c="dimmed" ml="auto" style={{ minHeight: '1.5em' }}>
          {time === undefined ? '' : formatTime(time)}
        </Text>
      </Group>
      <details className={classes['details']} onToggle={(event) => setTableShown(event.currentTarget.open)}>
        <summary>The numbers as a table</summary>
        {isTableShown && (
          <TableFrame label={label} heightMax={360}>
            <Table fz="sm" stickyHeader striped>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">From</Table.Th>
                  {series.map((one, index) => (
                    <Table.Th key={`${String(index)} ${one.name}`} scope="col" className="number">
                      {one.name}
                    </Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {times.map((each, row) => (
                  <Table.Tr key={each}>
                    <Table.Th scope="row" fw={400}>
                      {formatTime(each)}
                    </Table.Th>
                    {series.map((one, index) => {
                      const value = one.values[row]
                      return (
                        <Table.Td key={`${String(index)} ${one.name}`} className="number">
                          {value == null ? '–' : formatValue(value)}
                        </Table.Td>
                      )
                    })}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </TableFrame>
        )}
      </details>
    </Box>
  )
}
