/** The report as a Markdown table: one line a figure, target and floor beside it. */
import type { Conditions } from '../host/conditions.ts'
import { summaryOf } from '../statistics.ts'
import type { Figure, PartResult } from './figure.ts'

/** A part, and who ran on which core meanwhile. */
export type MeasuredPart = PartResult & { readonly pinning: string }

export function markdownOf(conditions: Conditions, parts: readonly MeasuredPart[]): string {
  const lines = [conditionsText(conditions), '']
  for (const { part, pinning, figures, proof, notes } of parts) {
    lines.push(`## ${part}`, '', `Pinning: ${pinning}.`, '')
    lines.push(
      '| | figure | median (least to most) | target | | floor, same run | × floor |',
      '|---|---|---|---|---|---|---|',
    )
    lines.push(...figures.map((figure, index) => rowOf(figure, figures[index - 1]?.of)), '')
    if (proof !== undefined) {
      const { acknowledged, stored, rows, lost, doubled, invented, duplicates, complaints, remarks } = proof
      lines.push(
        `Proof: ${count(acknowledged)} acknowledged, ${count(stored)} in the door's books, ${count(rows)} rows; lost ${count(lost)}, doubled ${count(doubled)}, invented ${count(invented)}, taken for duplicates ${count(duplicates)}.`,
        ...complaints.map((one) => `- NOT SOUND: ${one}`),
        ...remarks.map((one) => `- REMARK: ${one}`),
        '',
      )
    }
    lines.push(...notes.map((note) => `- ${note}`), '')
  }
  return `${lines.join('\n').trimEnd()}\n`
}

/** Its subject is named once for all figures of it. */
function rowOf({ of, what, unit, runs, target, moonshot, floor }: Figure, ofBefore: string | undefined): string {
  const { median, min, max } = summaryOf(runs)
  const spread = runs.length > 1 ? ` (${number(min)} to ${number(max)})` : ''
  const wanted = target === undefined ? '' : `≤ ${number(target)}`
  const verdict = target === undefined || Number.isNaN(median) ? '' : median <= target ? 'reached' : 'missed'
  const beyond = verdict === '' || moonshot === undefined ? '' : `, ${toMoonshot(median, moonshot)}`
  const below = floor === undefined ? '' : `${number(floor.value)} (${floor.name})`
  const ratio = floor === undefined ? '' : number(median / floor.value)
  return `| ${[of === ofBefore ? '' : of, what, `${number(median)}${spread} ${unit}`, wanted, verdict + beyond, below, ratio].join(' | ')} |`
}

function toMoonshot(value: number, moonshot: number): string {
  return value <= moonshot
    ? `moonshot ${number(moonshot)} too`
    : `${number(value / moonshot)} × the moonshot ${number(moonshot)}`
}

function conditionsText(conditions: Conditions): string {
  const { cpu, cores, memoryGiB, kernel, node, revision, fileSystem, othersBeforeCores, loadAverage } = conditions
  const settings = Object.entries(conditions.settings).map(([name, value]) => `${name}=${value}`)
  return [
    `Measured ${conditions.measuredAt}, revision ${revision}, Node ${node}.`,
    `${cpu}, ${String(cores)} cores, ${String(memoryGiB)} GiB, Linux ${kernel}, data on ${fileSystem}.`,
    `Before the first run others used ${String(othersBeforeCores)} cores, load average ${loadAverage.join(' ')}.`,
    ...(settings.length === 0 ? [] : [`Settings: ${settings.join(', ')}.`]),
  ].join('\n')
}

/** Three digits that matter. */
function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1000) return count(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
