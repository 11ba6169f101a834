/** The answer to a funnel as bars: a step with one bar for each value of the breakdown. */
import type { AnswerTo } from '../../api/client.ts'

export type FunnelAnswer = AnswerTo<'/api/projects/{id}/funnel', 'post'>

export interface FunnelBar {
  readonly name: string
  readonly users: number
  readonly fromStart: number
  readonly fromPrevious: number
  /** Those who made the step before and not this one. */
  readonly lost: number
}

export interface FunnelStep {
  readonly name: string
  readonly bars: readonly FunnelBar[]
}

export function funnelSteps(answer: FunnelAnswer): FunnelStep[] {
  const isBroken =
    answer.breakdowns.length > 1 || answer.breakdowns.some((each) => each.value !== null || each.is_other)
  return (answer.breakdowns[0]?.steps ?? []).map(({ name }, at) => ({
    name,
    bars: answer.breakdowns.flatMap((each) => {
      const step = each.steps[at]
      if (step === undefined) return []
      return {
        name: isBroken ? groupName(each.value, each.is_other) : 'Everybody',
        users: step.users,
        fromStart: step.from_start,
        fromPrevious: step.from_previous,
        lost: at === 0 ? 0 : Math.max(0, (each.steps[at - 1]?.users ?? 0) - step.users),
      }
    }),
  }))
}

export function isFunnelEmpty(answer: FunnelAnswer): boolean {
  return answer.breakdowns.every((each) => (each.steps[0]?.users ?? 0) === 0)
}

/** "45.2 %"; never 100 or 0 for what is only nearly so. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return '< 0.1 %'
  if (share < 1 && share > 0.999) return '> 99.9 %'
  return `${String(Math.round(share * 1_000) / 10)} %`
}

function groupName(value: string | null, isOther: boolean): string {
  if (isOther) return 'All others'
  return value === null || value === '' ? '(not set)' : value
}
