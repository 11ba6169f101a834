import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'

/** The nicenesses of the threads of a process in which this was done, by their names, as the kernel has them. */
function nicenessesAfter(code: string): ReadonlyMap<string, ReadonlySet<number>> {
  const url = new URL('./thread-priority.ts', import.meta.url).href
  const script = `
    import { readdirSync, readFileSync } from 'node:fs'
    import { lowerEngineThreads, startLowered } from ${JSON.stringify(url)}
    ${code}
    for (const id of readdirSync('/proc/self/task')) {
      const stat = readFileSync('/proc/self/task/' + id + '/stat', 'latin1')
      const name = Number(id) === process.pid ? 'own' : readFileSync('/proc/self/task/' + id + '/comm', 'latin1').trim()
      console.log(name, stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
    }`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  const found = new Map<string, Set<number>>()
  for (const line of stdout.trim().split('\n')) {
    const [name = '', niceness] = line.split(' ')
    found.set(name, (found.get(name) ?? new Set()).add(Number(niceness)))
  }
  return found
}

describe(
  'priorities of threads',
  { skip: process.platform !== 'linux' && 'threads have none of their own here' },
  () => {
    it('are lowered for a thread from its birth on, and not for the others', () => {
      const found = nicenessesAfter(`
        const { Worker } = await import('node:worker_threads')
        startLowered(7, () => new Worker('setTimeout(() => undefined, 500)', { eval: true }))`)
      const born = [...found].filter(([name]) => name !== 'own' && name !== 'V8Worker')
      assert.ok(born.some(([, nicenesses]) => nicenesses.has(7)))
      assert.deepEqual([found.get('own'), found.get('V8Worker')], [new Set([0]), new Set([0])])
    })

    it('are lowered for those of the engine, and not for those that run our code', () => {
      const found = nicenessesAfter('lowerEngineThreads(9)')
      assert.deepEqual([found.get('own'), found.get('V8Worker')], [new Set([0]), new Set([9])])
    })
  },
)
