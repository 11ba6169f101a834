/** The answer to a question of retention as a table with shaded cells. */
import type { AnswerTo } from '../../api/client.ts'

export type RetentionAnswer = AnswerTo<'/api/projects/{id}/retention', 'post'>

export interface RetentionCell {
  readonly users: number
  /** 0 to 1 of the cohort. */
  readonly share: number
  /** The interval of this cell has not ended yet: the number may still grow. */
  readonly isRunning: boolean
}

export interface RetentionRow {
  readonly start: string
  readonly users: number
  readonly cells: readonly RetentionCell[]
}

export interface RetentionTable {
  readonly rows: readonly RetentionRow[]
  /** Over all cohorts whose cell has ended, by their size; null where none has. */
  readonly mean: readonly (number | null)[]
  readonly periods: number
}

/** `isOpenEnded`: the question reaches into the future, so the last interval is still running. */
export function retentionTable(answer: RetentionAnswer, isOpenEnded: boolean): RetentionTable {
  const last = answer.cohorts.length - 1
  const rows = answer.cohorts.map(({ start, users, returned }, at): RetentionRow => ({
    start,
    users,
    cells: returned.map((count, period) => ({
      users: count,
      share: users === 0 ? 0 : count / users,
      isRunning: isOpenEnded && at + period === last,
    })),
  }))
  const periods = Math.max(0, ...rows.map((row) => row.cells.length))
  return { rows, periods, mean: Array.from({ length: periods }, (_, period) => meanOf(rows, period)) }
}

export function isRetentionEmpty(answer: RetentionAnswer): boolean {
  return answer.cohorts.every((cohort) => cohort.users === 0)
}

/** Colour behind a cell, from the page's own to a strong one; its text is black on the light, white on the dark one. */
export function shadeOf(share: number): { readonly light: string; readonly dark: string } {
  // The root spreads the low shares, where most of retention lies.
  const strength = Math.sqrt(Math.min(1, Math.max(0, share)))
  return { light: mixed(WHITE, STRONG_LIGHT, strength), dark: mixed(NIGHT, STRONG_DARK, strength) }
}

type Rgb = readonly [number, number, number]
const WHITE: Rgb = [255, 255, 255]
const STRONG_LIGHT: Rgb = [77, 170, 211]
const NIGHT: Rgb = [25, 28, 32]
const STRONG_DARK: Rgb = [12, 105, 146]

function mixed(from: Rgb, to: Rgb, strength: number): string {
  const part = (at: 0 | 1 | 2) => String(Math.round(from[at] + (to[at] - from[at]) * strength))
  return `rgb(${part(0)} ${part(1)} ${part(2)})`
}

function meanOf(rows: readonly RetentionRow[], period: number): number | null {
  const ended = rows.flatMap((row) => {
    const cell = row.cells[period]
    return cell === undefined || cell.isRunning ? [] : [{ users: row.users, returned: cell.users }]
  })
  const users = ended.reduce((sum, each) => sum + each.users, 0)
  return users === 0 ? null : ended.reduce((sum, each) => sum + each.returned, 0) / users
}
