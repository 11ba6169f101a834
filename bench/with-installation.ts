import type { BenchContext } from './bench-context.ts'
import { Installation } from './installation.ts'

export interface InstallationOptions {
  /** May put something into the folder before the start. */
  readonly prepare?: (folder: string) => Promise<void>
  /** Whose code runs; this one's when not said. */
  readonly checkout?: string
}

/** Gives the work a running Sluice on a fresh folder; both are gone afterwards, whatever happened. */
export async function withInstallation<T>(
  context: BenchContext,
  work: (installation: Installation) => Promise<T>,
  { prepare, checkout }: InstallationOptions = {},
): Promise<T> {
  const { dataParent, pinning, environment } = context
  const installation = await Installation.create(dataParent, pinning, environment, checkout)
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
