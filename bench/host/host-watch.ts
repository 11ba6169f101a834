/**
 * In which seconds the host left this machine to itself: it kept next to no CPU for others, and the disk stood still for nobody.
 *
 * The disk is asked with a file that has nothing to do with what is measured: twenty times a second the same 512 bytes in the same
 * place, synced. That waits for nothing but the device.
 */
import { close, constants, openSync, write } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { machineCpu } from './proc.ts'

export interface DiskStalls {
  /** In how many seconds a write of 512 bytes took more than 10 ms. */
  readonly seconds: number
  /** The slowest write of all. */
  readonly longestMs: number
}

const secondMs = 1000
/** Two ticks of the kernel: one is there in most seconds. */
const stolenUsMax = 10_000
const writeEveryMs = 50
/** A hundred times what it usually takes. */
const stallMs = 10
const { O_CREAT, O_DSYNC, O_WRONLY } = constants
const writeFile = promisify(write)
const closeFile = promisify(close)

export class HostWatch {
  readonly #bytes = Buffer.alloc(512)
  readonly #file: number | undefined
  readonly #timers: readonly NodeJS.Timeout[]
  /** At the beginning of each second. */
  readonly #stolenUs = [machineCpu().stolenUs]
  readonly #stalledSeconds = new Set<number>()
  #writing: Promise<void> | undefined
  #longestWriteMs = 0

  /** `folder`: on the file system whose disk is asked; without one none is. */
  constructor(folder: string | undefined) {
    const file = folder === undefined ? undefined : openSync(join(folder, 'disk-watch'), O_CREAT | O_WRONLY | O_DSYNC)
    this.#file = file
    const writeOnce = (): void => {
      if (file !== undefined) this.#writing ??= this.#write(file)
    }
    this.#timers = [
      setInterval(() => this.#stolenUs.push(machineCpu().stolenUs), secondMs),
      setInterval(writeOnce, writeEveryMs),
    ]
  }

  /** The number of the second that it is now, from 0. */
  get second(): number {
    return this.#stolenUs.length - 1
  }

  get diskStalls(): DiskStalls {
    return { seconds: this.#stalledSeconds.size, longestMs: this.#longestWriteMs }
  }

  /** To be asked after the end. */
  isLeftAlone(second: number): boolean {
    const stolenUs = (this.#stolenUs[second + 1] ?? Infinity) - (this.#stolenUs[second] ?? 0)
    return stolenUs <= stolenUsMax && !this.#stalledSeconds.has(second)
  }

  async end(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#stolenUs.push(machineCpu().stolenUs)
    await this.#writing
    if (this.#file !== undefined) await closeFile(this.#file)
  }

  async #write(file: number): Promise<void> {
    const beganIn = this.second
    const beganMs = performance.now()
    await writeFile(file, this.#bytes, 0, this.#bytes.length, 0)
    this.#writing = undefined
    const tookMs = performance.now() - beganMs
    this.#longestWriteMs = Math.max(this.#longestWriteMs, tookMs)
    if (tookMs <= stallMs) return
    for (let second = beganIn; second <= this.second; second++) this.#stalledSeconds.add(second)
  }
}
