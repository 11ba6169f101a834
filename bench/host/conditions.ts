/** Under which conditions something was measured: whoever compares two results looks here first. */
import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchNoise } from './noise.ts'
import { contentOf } from './proc.ts'

export interface Conditions {
  readonly measuredAt: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly revision: string
  readonly fileSystem: string
  /** Cores that others used in the second before the first run. */
  readonly othersBeforeCores: number
  readonly loadAverage: readonly number[]
  /** Settings in the environment that differ from the defaults. */
  readonly settings: Readonly<Record<string, string>>
}

export async function conditionsOf(options: {
  readonly dataFolder: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Variables that the benchmark sets itself, whatever they were. */
  readonly ownSettings: readonly string[]
}): Promise<Conditions> {
  const noise = watchNoise([])
  await sleep(1000)
  const settings = Object.entries(options.environment).flatMap(([name, value]) =>
    name.startsWith('SLUICE_') && value !== undefined && !options.ownSettings.includes(name)
      ? [[name, value] as const]
      : [],
  )
  return {
    measuredAt: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round((totalmem() / 1024 ** 3) * 10) / 10,
    kernel: release(),
    node: process.version,
    revision: revision(),
    fileSystem: fileSystemOf(options.dataFolder),
    othersBeforeCores: Math.round(noise().otherCores * 100) / 100,
    loadAverage: loadavg().map((value) => Math.round(value * 100) / 100),
    settings: Object.fromEntries(settings),
  }
}

function revision(): string {
  const git = (...args: string[]) => spawnSync('git', args, { encoding: 'utf8' }).stdout.trim()
  const commit = git('rev-parse', '--short', 'HEAD')
  if (commit === '') return 'unknown'
  return git('status', '--porcelain', '--', 'src') === '' ? commit : `${commit} with uncommitted changes in src`
}

/** Type and options of the mount that holds the folder; syncs mean nothing on some. */
function fileSystemOf(folder: string): string {
  const path = realpathSync(folder)
  let best = { point: '', text: 'unknown' }
  for (const line of (contentOf('/proc/mounts') ?? '').split('\n')) {
    const [, point = '', type = '', mountOptions = ''] = line.split(' ')
    const covers = point !== '' && (path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`))
    if (covers && point.length >= best.point.length) best = { point, text: `${type} (${mountOptions})` }
  }
  return best.text
}
