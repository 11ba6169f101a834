/** What uPlot is told to draw. No React here; uPlot itself is loaded by Chart.tsx alone. */
import type uPlot from 'uplot'
import { chartColor, chartDash } from './chart-colors.ts'
import { formatShort } from './numbers.ts'

export interface ChartSeries {
  readonly name: string
  /** One for each time; null where there is nothing to draw. */
  readonly values: readonly (number | null)[]
  /** Drawn dashed, in the colour of the series before it that is not: the same thing one period earlier. */
  readonly isPrevious?: boolean
}

export interface PlotOptions {
  readonly kind: 'lines' | 'bars'
  readonly series: readonly ChartSeries[]
  readonly scheme: 'light' | 'dark'
  readonly width: number
  readonly height: number
  readonly paths: typeof uPlot.paths
  readonly style: { readonly text: string; readonly grid: string; readonly font: string }
  readonly onCursor: (index: number | undefined) => void
}

/** Which colour each series has, by place; a previous period shares the one it is compared with. */
export function colorIndexes(series: readonly ChartSeries[]): number[] {
  let last = -1
  return series.map((one) => {
    if (one.isPrevious !== true) last += 1
    return Math.max(0, last)
  })
}

/**
 * Times on the axis, by how far its ticks are apart, in seconds; then what is added below where the year or the day
 * changes. Months by name: 10/11 is another day on either side of the Atlantic.
 */
const timeWords: uPlot.Axis.Values = [
  [31_536_000, '{YYYY}', null, null, null, null, null, null, 1],
  [2_419_200, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [86_400, '{D} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
]

export function plotOptions(options: PlotOptions): uPlot.Options {
  const { style, series, scheme } = options
  const colors = colorIndexes(series)
  const axis = { stroke: style.text, grid: { stroke: style.grid, width: 1 }, ticks: { show: false }, font: style.font }
  const few = (series[0]?.values.length ?? 0) < 60
  return {
    width: options.width,
    height: options.height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    // Bars need room at both ends; a range of one instant needs any width at all.
    scales: {
      x: { time: true, range: (_plot, min, max) => paddedRange(min, max, options) },
      y: { range: (_plot, min, max) => [Math.min(0, min), max <= 0 ? 1 : max * 1.06] },
    },
    axes: [
      { ...axis, grid: { show: false }, values: timeWords, size: timeAxisHeight, gap: 9 },
      { ...axis, size: 56, values: (_plot, splits) => splits.map((split) => formatShort(split)) },
    ],
    series: [
      {},
      ...series.map((one, index): uPlot.Series => {
        const color = chartColor(colors[index] ?? index, scheme)
        const isBar = options.kind === 'bars' && one.isPrevious !== true
        const bars = isBar ? options.paths.bars?.({ size: [0.7, 64], radius: 0.1 }) : undefined
        return {
          label: one.name,
          stroke: color,
          width: 2,
          dash: chartDash(colors[index] ?? index, one.isPrevious === true),
          points: { show: few && !isBar, size: 5, fill: color },
          ...(bars === undefined ? {} : { paths: bars, fill: `${color}${scheme === 'light' ? '55' : '66'}` }),
        }
      }),
    ],
    hooks: { setCursor: [(plot) => options.onCursor(plot.cursor.idx ?? undefined)] },
  }
}

/** Room for one line, or for two where a day or a year is added below. */
function timeAxisHeight(_plot: uPlot, values: readonly (string | null)[] | null): number {
  return values?.some((words) => words?.includes('\n') === true) === true ? 42 : 26
}

function paddedRange(min: number, max: number, options: PlotOptions): [number, number] {
  const count = options.series[0]?.values.length ?? 0
  if (min === max || count < 2) return [min - 1_800, max + 1_800]
  const half = (max - min) / (count - 1) / 2
  return options.kind === 'bars' ? [min - half, max + half] : [min, max]
}
