import { runProgram } from '../host/run-program.ts'
import type { Pinning } from '../host/pinning.ts'
import type { LoadPlan, LoadResult } from './load-plan.ts'

const generator = new URL('./generate.ts', import.meta.url)

/** One run of the generator in its own process. */
export async function runLoad(plan: LoadPlan, pinning: Pinning): Promise<LoadResult> {
  // Printed by generate.ts.
  const printed = await runProgram(generator, [JSON.stringify(plan)], { pinning, place: 'generator' })
  const result = printed as LoadResult
  if (result.events === 0) throw new Error(`Nothing was acknowledged: ${result.firstProblem ?? 'no answer'}`)
  return result
}
