import type { BenchContext } from './bench-context.ts'
import { Installation } from './installation.ts'

/**
 * Gives the work a running Sluice on a fresh folder; both are gone afterwards, whatever happened. `prepare` may put
 * something into the folder before the start.
 */
export async function withInstallation<T>(
  context: BenchContext,
  work: (installation: Installation) => Promise<T>,
  prepare?: (folder: string) => Promise<void>,
): Promise<T> {
  const installation = await Installation.create(context.dataParent, context.pinning, context.environment)
  const remove = () => installation.remove()
  cleanups.add(remove)
  try {
    await prepare?.(installation.folder)
    await installation.start()
    return await work(installation)
  } catch (error) {
    for (const line of await installation.lastLog(logLinesMax)) context.say(`in the log: ${line}`)
    throw error
  } finally {
    await installation.remove()
    cleanups.delete(remove)
  }
}

const logLinesMax = 20
const cleanups = new Set<() => Promise<void>>()

/** For a Ctrl-C: stops what still runs. */
export async function removeInstallations(): Promise<void> {
  await Promise.all([...cleanups].map((remove) => remove()))
}
