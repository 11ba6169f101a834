/**
 * Named points at which a process may be told to crash, for the crash suite: `failpoint('edge:after-sync')` does nothing
 * unless that name was armed at start.
 *
 * A plan is text: `name=action`, comma-separated. The one action is `kill`: the process sends itself SIGKILL, at the
 * first hit or, as `kill@3`, at the third. Names are `role:what-just-happened`.
 */
import { Failure } from './failure.ts'

interface Armed {
  hitsLeft: number
}

const planEntry = /^([a-z0-9-]+:[a-z0-9-]+)=kill(?:@([1-9]\d{0,8}))?$/

/** Undefined while nothing is armed, so that a hit costs one comparison. */
let armed: Map<string, Armed> | undefined

/** What is wrong with a plan; undefined when it can be armed. */
export function failpointPlanComplaint(plan: string): string | undefined {
  const wrong = entriesOf(plan).find((entry) => !planEntry.test(entry))
  return wrong === undefined ? undefined : `has the entry "${wrong}"`
}

/** Arms this process by the plan, in place of what was armed before, and returns the armed names; an empty plan disarms. */
export function armFailpoints(plan: string): readonly string[] {
  const next = new Map<string, Armed>()
  for (const entry of entriesOf(plan)) {
    const [, name, hit] = planEntry.exec(entry) ?? []
    if (name === undefined) {
      throw new Failure(
        'SLUICE_FAILPOINT_UNREADABLE',
        `"${entry}" is not a failpoint; write role:point=kill or role:point=kill@3.`,
      )
    }
    next.set(name, { hitsLeft: Number(hit ?? 1) })
  }
  armed = next.size === 0 ? undefined : next
  return [...next.keys()]
}

/** Does not return when the name is armed and this hit is its turn: the process is gone. */
export function failpoint(name: string): void {
  if (armed === undefined) return
  const point = armed.get(name)
  if (point === undefined) return
  point.hitsLeft -= 1
  if (point.hitsLeft === 0) process.kill(process.pid, 'SIGKILL')
}

function entriesOf(plan: string): readonly string[] {
  return plan
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}
