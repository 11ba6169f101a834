/**
 * Which engine should keep the duplicate index? One engine a run:
 *
 *   node bench/trials/duplicate-index.ts ours|lmdb|classic-level|none [--keys 100000000] [--seconds-max 720] [--dir DIR]
 *
 * Random 128-bit keys are inserted if absent, each looked up first, 1 % of them repeats, in groups of 1,000 like the
 * journal's group commits (one transaction or batch a group for the libraries, unsynced: the index can be rebuilt).
 * CPU time counts every thread of the process; the longest turn of the event loop is given in wall time and in CPU
 * time of the main thread (which does not grow when others use the machine, but which some kernels count in ticks of 4 ms). `none` is the cost of making the keys.
 * `lmdb` and `classic-level` are no dependencies: install them elsewhere and name the folder, e.g.
 *
 *   npm i --prefix /tmp/engines lmdb classic-level && ENGINES_DIR=/tmp/engines node bench/trials/duplicate-index.ts lmdb
 */
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { createHistogram } from 'node:perf_hooks'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

interface Engine {
  /** Inserts the keys numbered `ids` that are absent; how many were there already. */
  group(ids: Float64Array): number | Promise<number>
  /** How many of the keys numbered `ids` are there. */
  lookUp(ids: Float64Array): number | Promise<number>
  /** Bytes of memory that the engine says are its own; 0 when it cannot tell. */
  ownedBytes(): number
  note(): string
  close(): Promise<void>
}

const groupSize = 1000
const reportEvery = 5_000_000
const keysPerDay = 100_000_000

const words = new Uint32Array(4)

/** Key number `id` of a fixed random sequence, into `words`. */
function makeKey(id: number): void {
  const low = id | 0
  const high = Math.floor(id / 4294967296) | 0
  for (let i = 0; i < 4; i++) {
    let x = Math.imul(low ^ Math.imul(i + 1, 0x9e3779b9), 0x85ebca6b) ^ high
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
    words[i] = x ^ (x >>> 16)
  }
}

function keyBuffer(id: number): Buffer {
  makeKey(id)
  return Buffer.from(new Uint8Array(words.buffer.slice(0)))
}

function valueBuffer(id: number): Buffer {
  const value = Buffer.allocUnsafe(8)
  value.writeDoubleLE(id)
  return value
}

const engines: Readonly<Record<string, (dir: string) => Promise<Engine>>> = {
  none: () => {
    let sink = 0
    const touch = (ids: Float64Array) => {
      for (const id of ids) {
        makeKey(id)
        sink ^= words[0] ?? 0
      }
      return 0
    }
    return Promise.resolve({
      group: touch,
      lookUp: touch,
      ownedBytes: () => 0,
      note: () => String(sink & 1),
      close: () => Promise.resolve(),
    })
  },

  ours: async (dir) => {
    const keysPerSegment = 100_000
    const { silent } = await import('../../src/kit/telemetry/telemetry.ts')
    const { openDuplicateIndex } = await import('../../src/stores/intake/embedded/duplicate-index/duplicate-index.ts')
    const index = await openDuplicateIndex({
      dir,
      telemetry: silent,
      isKnownSegment: () => true,
      onDamaged: () => undefined,
    })
    let segment = Math.max(0, ...index.coveredSegments()) + 1
    let inSegment = 0
    let added = 0
    const key: [number, number, number, number] = [0, 0, 0, 0]
    const position = { lane: 0, partition: 0, offset: 0 }
    const load = (id: number) => {
      makeKey(id)
      key[0] = words[0] ?? 0
      key[1] = words[1] ?? 0
      key[2] = words[2] ?? 0
      key[3] = words[3] ?? 0
    }
    const seal = () => {
      const newestTimeMs = (added / keysPerDay) * 86_400_000
      const oldestTimeMs = ((added - inSegment) / keysPerDay) * 86_400_000
      index.sealed({ segment, fingerprint: segment, oldestTimeMs, newestTimeMs })
      index.dropOlderThan(newestTimeMs - 86_400_000)
      segment++
      inSegment = 0
    }
    return {
      group: async (ids) => {
        while (index.room() < ids.length) await sleep(5)
        let seen = 0
        for (const id of ids) {
          load(id)
          if (index.find(key) !== undefined) {
            seen++
            continue
          }
          position.partition = id & 15
          position.offset = id
          index.add(key, position)
          added++
          inSegment++
        }
        if (inSegment >= keysPerSegment) seal()
        return seen
      },
      lookUp: (ids) => {
        let seen = 0
        for (const id of ids) {
          load(id)
          if (index.find(key) !== undefined) seen++
        }
        return seen
      },
      ownedBytes: () => index.stats().memoryBytes,
      note: () => {
        const { files, keysInFiles, keysInMemory } = index.stats()
        return `files=${String(files)} in_files=${String(keysInFiles)} in_memory=${String(keysInMemory)}`
      },
      close: () => {
        seal()
        return index.close()
      },
    }
  },

  lmdb: async (dir) => {
    const { open } = (await importFrom('lmdb')) as Lmdb
    const db = open({
      path: join(dir, 'lmdb'),
      keyEncoding: 'binary',
      encoding: 'binary',
      noSync: true,
      mapSize: 64 * 2 ** 30,
    })
    return {
      group: (ids) =>
        db.transactionSync(() => {
          let seen = 0
          for (const id of ids) {
            const key = keyBuffer(id)
            if (db.getBinaryFast(key) !== undefined) seen++
            else db.putSync(key, valueBuffer(id))
          }
          return seen
        }),
      lookUp: (ids) => {
        let seen = 0
        for (const id of ids) if (db.getBinaryFast(keyBuffer(id)) !== undefined) seen++
        return seen
      },
      ownedBytes: () => 0,
      note: () => '',
      close: () => db.close(),
    }
  },

  'classic-level': async (dir) => {
    const { ClassicLevel } = (await importFrom('classic-level')) as Level
    const db = new ClassicLevel(join(dir, 'level'), {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      cacheSize: 160 * 2 ** 20,
      writeBufferSize: 32 * 2 ** 20,
      compression: false,
    })
    await db.open()
    return {
      group: async (ids) => {
        const keys = Array.from(ids, keyBuffer)
        const found = await db.getMany(keys)
        const batch = keys.flatMap((key, i) =>
          found[i] === undefined ? [{ type: 'put' as const, key, value: valueBuffer(ids[i] ?? 0) }] : [],
        )
        await db.batch(batch, { sync: false })
        return ids.length - batch.length
      },
      lookUp: async (ids) => {
        const found = await db.getMany(Array.from(ids, keyBuffer))
        return found.filter((value) => value !== undefined).length
      },
      ownedBytes: () => 0,
      note: () => '',
      close: () => db.close(),
    }
  },
}

/** The little of the two libraries that the trial uses. */
interface Lmdb {
  readonly open: (options: object) => {
    transactionSync(work: () => number): number
    getBinaryFast(key: Buffer): Buffer | undefined
    putSync(key: Buffer, value: Buffer): void
    close(): Promise<void>
  }
}
interface Level {
  ClassicLevel: new (
    path: string,
    options: object,
  ) => {
    open(): Promise<void>
    getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]>
    batch(operations: readonly object[], options: object): Promise<void>
    close(): Promise<void>
  }
}

function importFrom(name: string): Promise<unknown> {
  const from = createRequire(join(resolve(process.env['ENGINES_DIR'] ?? '.'), 'package.json'))
  return import(pathToFileURL(from.resolve(name)).href)
}

async function bytesOnDisk(dir: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(dir, { recursive: true })) {
    const found = await stat(join(dir, name)).catch(() => undefined)
    if (found?.isFile() === true) bytes += found.blocks * 512
  }
  return bytes
}

async function run(
  name: string,
  options: { keys: number; secondsMax: number; dir: string | undefined },
): Promise<void> {
  const openEngine = engines[name]
  if (openEngine === undefined) throw new Error(`No engine ${name}: ${Object.keys(engines).join(', ')}.`)
  if (options.dir !== undefined) await mkdir(options.dir, { recursive: true })
  const dir = await mkdtemp(join(options.dir ?? tmpdir(), `duplicate-index-${name}-`))
  try {
    let engine = await openEngine(dir)
    const started = performance.now()
    let wallBefore = started
    let cpuBefore = process.cpuUsage()
    const turns = createHistogram()
    let longestWallMs = 0
    let longestCpuMs = 0
    let next = 0
    let asked = 0
    let repeats = 0
    let seen = 0
    let random = 1
    const ids = new Float64Array(groupSize)
    while (next < options.keys && performance.now() - started < options.secondsMax * 1000) {
      const fresh = next
      for (let i = 0; i < groupSize; i++) {
        if (i % 100 === 99 && fresh > 0) {
          random = (Math.imul(random, 1664525) + 1013904223) >>> 0
          ids[i] = Math.floor((random / 4294967296) * fresh)
          repeats++
        } else ids[i] = next++
      }
      const turnStarted = performance.now()
      const threadBefore = process.threadCpuUsage()
      seen += await engine.group(ids)
      await nextTurn()
      const thread = process.threadCpuUsage(threadBefore)
      turns.record(Math.max(1, Math.round((performance.now() - turnStarted) * 1000)))
      longestWallMs = Math.max(longestWallMs, performance.now() - turnStarted)
      longestCpuMs = Math.max(longestCpuMs, (thread.user + thread.system) / 1000)
      asked += groupSize
      if (asked % reportEvery === 0) {
        const cpu = process.cpuUsage(cpuBefore)
        const wall = performance.now()
        const memory = process.memoryUsage()
        console.log(
          `${name} keys=${String(asked / 1e6)}M cpu_us_per_key=${((cpu.user + cpu.system) / reportEvery).toFixed(2)}` +
            ` wall_us_per_key=${(((wall - wallBefore) * 1000) / reportEvery).toFixed(2)}` +
            ` rss_mb=${(memory.rss / 1e6).toFixed(0)} owned_mb=${(engine.ownedBytes() / 1e6).toFixed(0)}` +
            ` disk_mb=${((await bytesOnDisk(dir)) / 1e6).toFixed(0)}` +
            ` turn_wall_ms_p99=${(turns.percentile(99) / 1000).toFixed(1)} p999=${(turns.percentile(99.9) / 1000).toFixed(1)}` +
            ` longest_turn_wall_ms=${longestWallMs.toFixed(1)} longest_turn_cpu_ms=${longestCpuMs.toFixed(1)}` +
            ` seen=${String(seen)}/${String(repeats)} ${engine.note()}`,
        )
        longestWallMs = longestCpuMs = 0
        turns.reset()
        wallBefore = performance.now()
        cpuBefore = process.cpuUsage()
      }
    }
    const totalCpu = process.cpuUsage()
    console.log(
      `${name} end keys=${String(asked)} seconds=${((performance.now() - started) / 1000).toFixed(0)}` +
        ` cpu_us_per_key=${((totalCpu.user + totalCpu.system) / asked).toFixed(2)} seen=${String(seen)}/${String(repeats)}`,
    )
    await lookUps(name, 'before restart', engine, next)
    await engine.close()
    const reopened = performance.now()
    engine = await openEngine(dir)
    console.log(`${name} open_ms=${(performance.now() - reopened).toFixed(0)}`)
    await lookUps(name, 'after restart', engine, next)
    await engine.close()
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function lookUps(name: string, when: string, engine: Engine, next: number): Promise<void> {
  const rounds = 500
  for (const kind of ['unseen', 'seen'] as const) {
    const ids = new Float64Array(groupSize)
    let random = 7
    let found = 0
    const before = process.cpuUsage()
    const started = performance.now()
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < groupSize; i++) {
        random = (Math.imul(random, 1664525) + 1013904223) >>> 0
        ids[i] = kind === 'unseen' ? next + round * groupSize + i : Math.floor((random / 4294967296) * next)
      }
      found += await engine.lookUp(ids)
    }
    const cpu = process.cpuUsage(before)
    const count = rounds * groupSize
    console.log(
      `${name} ${when} ${kind}: cpu_us_per_lookup=${((cpu.user + cpu.system) / count).toFixed(2)}` +
        ` wall_us_per_lookup=${(((performance.now() - started) * 1000) / count).toFixed(2)} found=${String(found)}/${String(count)}`,
    )
  }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { keys: { type: 'string' }, 'seconds-max': { type: 'string' }, dir: { type: 'string' } },
})
await run(positionals[0] ?? 'ours', {
  keys: Number(values.keys ?? 100_000_000),
  secondsMax: Number(values['seconds-max'] ?? 720),
  dir: values.dir,
})
