/**
 * A file system in memory that misbehaves on request, seeded, for crash rules by the thousand.
 *
 * What it keeps apart: what processes see (the cache) and what a power loss leaves (the disk). A write reaches the cache;
 * a sync copies the file to the disk; names reach the disk with `syncFolder`. At `powerLoss` each write that was not synced
 * is there, not there, or torn at a random byte, and the names that were not synced may be gone.
 */
import type { Files, OpenFile } from './files.ts'

interface Write {
  readonly at: number
  readonly bytes: Buffer
}

interface Stored {
  cache: Buffer
  disk: Buffer
  /** Since the last sync, in order; a truncation is `bytes` of length 0 with the new size as `at`. */
  unsynced: Write[]
  watchers: Set<() => void>
}

export interface SimulatedFiles extends Files {
  /** The machine goes dark: open files stop working, unsynced bytes and names are kept, lost or torn at random. */
  powerLoss(): void
  /** The process dies and starts again on the same machine: open files stop working, the cache stays. */
  processLoss(): void
  /** The next sync of a file (its own or a write's) fails with EIO; its unsynced writes never reach the disk although the cache shows them. */
  failNextSync(): void
  /** Room left; writes beyond it store what fits and fail with ENOSPC. */
  setFreeBytes(bytes: number): void
  /** Turns a bit over, in the cache and on the disk. */
  flipBit(path: string, at: number): void
  sizeOf(path: string): number
}

/** `random` yields numbers in [0, 1). */
export function createSimulatedFiles(random: () => number): SimulatedFiles {
  let names = new Map<string, Stored>()
  let durableNames = new Map<string, Stored>()
  let life = 0
  let syncFails = false
  let freeBytes = Infinity

  const systemError = (code: string, path: string): Error =>
    Object.assign(new Error(`${code}: simulated, ${path}`), { code })
  const stored = (path: string): Stored => {
    const found = names.get(path)
    if (found === undefined) throw systemError('ENOENT', path)
    return found
  }
  /** Lets other work happen in between, as a real file system does. */
  const takesAWhile = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const inFolder = (folder: string, path: string): boolean =>
    path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/')

  const put = (file: Stored, at: number, bytes: Uint8Array): void => {
    file.cache = overwritten(file.cache, at, bytes)
    file.unsynced.push({ at, bytes: Buffer.from(bytes) })
    for (const changed of file.watchers) setImmediate(changed)
  }

  const openFile = (path: string, file: Stored, writesAreSynced = false): OpenFile => {
    const ownLife = life
    let isOpen = true
    const check = (): void => {
      if (!isOpen || ownLife !== life) throw systemError('EBADF', path)
    }
    const sync = async (): Promise<void> => {
      await takesAWhile()
      check()
      const fails = syncFails
      syncFails = false
      if (fails) {
        file.unsynced = []
        throw systemError('EIO', path)
      }
      for (const write of file.unsynced) file.disk = apply(file.disk, write)
      file.unsynced = []
    }
    return {
      async write(buffers, at) {
        check()
        await takesAWhile()
        check()
        const bytes = Buffer.concat(buffers)
        const grows = Math.max(0, at + bytes.length - file.cache.length)
        const fits = grows <= freeBytes ? bytes.length : Math.max(0, bytes.length - (grows - freeBytes))
        if (fits > 0) put(file, at, bytes.subarray(0, fits))
        freeBytes -= Math.min(grows, freeBytes)
        if (fits < bytes.length) throw systemError('ENOSPC', path)
        if (writesAreSynced) await sync()
      },
      writeNow(bytes, at) {
        check()
        put(file, at, bytes)
      },
      async sync() {
        check()
        await sync()
      },
      async read(into, at) {
        check()
        await takesAWhile()
        check()
        return file.cache.copy(into, 0, Math.min(at, file.cache.length))
      },
      sizeBytes() {
        check()
        return Promise.resolve(file.cache.length)
      },
      truncate(sizeBytes) {
        check()
        file.cache = file.cache.subarray(0, sizeBytes)
        file.unsynced.push({ at: sizeBytes, bytes: Buffer.alloc(0) })
        return Promise.resolve()
      },
      close() {
        isOpen = false
        return Promise.resolve()
      },
    }
  }

  return {
    makeFolder: () => Promise.resolve(),
    list: (folder) =>
      Promise.resolve(
        [...names.keys()]
          .filter((path) => inFolder(folder, path))
          .map((path) => path.slice(folder.length + 1))
          .sort(),
      ),
    open(path, mode) {
      const present = names.get(path)
      if (mode === 'create' || mode === 'create-synced') {
        if (present !== undefined) return Promise.reject(systemError('EEXIST', path))
        if (freeBytes <= 0) return Promise.reject(systemError('ENOSPC', path))
        const made: Stored = { cache: Buffer.alloc(0), disk: Buffer.alloc(0), unsynced: [], watchers: new Set() }
        names.set(path, made)
        return Promise.resolve(openFile(path, made, mode === 'create-synced'))
      }
      if (present === undefined) return Promise.reject(systemError('ENOENT', path))
      return Promise.resolve(openFile(path, present))
    },
    async rename(from, to) {
      names.set(to, stored(from))
      names.delete(from)
    },
    remove(path) {
      names.delete(path)
      return Promise.resolve()
    },
    syncFolder(folder) {
      for (const path of durableNames.keys()) if (inFolder(folder, path)) durableNames.delete(path)
      for (const [path, file] of names) if (inFolder(folder, path)) durableNames.set(path, file)
      return Promise.resolve()
    },
    freeBytes: () => Promise.resolve(freeBytes),
    watch(path, changed) {
      const { watchers } = stored(path)
      watchers.add(changed)
      return () => {
        watchers.delete(changed)
      }
    },
    powerLoss() {
      life++
      // A name that was not synced may have reached the disk all the same; one that was removed may still be there.
      const left = new Map(durableNames)
      for (const [path, file] of names) if (left.get(path) !== file && random() < 0.5) left.set(path, file)
      for (const path of durableNames.keys()) if (!names.has(path) && random() < 0.5) left.delete(path)
      for (const file of new Set(left.values())) {
        for (const write of file.unsynced) {
          const luck = random()
          if (luck < 0.4) file.disk = apply(file.disk, write)
          else if (luck < 0.7 && write.bytes.length > 0) {
            const torn = write.bytes.subarray(0, Math.floor(random() * write.bytes.length))
            file.disk = apply(file.disk, { at: write.at, bytes: torn.length === 0 ? Buffer.from([0]) : torn })
          }
        }
        file.unsynced = []
        file.cache = Buffer.from(file.disk)
      }
      names = left
      durableNames = new Map(left)
    },
    processLoss() {
      life++
    },
    failNextSync() {
      syncFails = true
    },
    setFreeBytes(bytes) {
      freeBytes = bytes
    },
    flipBit(path, at) {
      const file = stored(path)
      for (const buffer of [file.cache, file.disk]) {
        const byte = buffer[at]
        if (byte !== undefined) buffer[at] = byte ^ 4
      }
    },
    sizeOf: (path) => stored(path).cache.length,
  }
}

function overwritten(file: Buffer, at: number, bytes: Uint8Array): Buffer {
  const next = Buffer.alloc(Math.max(file.length, at + bytes.length))
  file.copy(next)
  next.set(bytes, at)
  return next
}

function apply(file: Buffer, { at, bytes }: Write): Buffer {
  return bytes.length === 0 ? Buffer.from(file.subarray(0, at)) : overwritten(file, at, bytes)
}
