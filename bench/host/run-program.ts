import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Pinning, Place } from './pinning.ts'

/** Runs one of the benchmark's own programs to its end and resolves with the JSON that it prints. */
export async function runProgram(
  file: URL,
  args: readonly string[],
  { pinning, place }: { readonly pinning: Pinning; readonly place: Place },
): Promise<unknown> {
  const [program, programArgs] = pinning.command(place, process.execPath, [...nodeFlags, fileURLToPath(file), ...args])
  const child = spawn(program, programArgs, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${fileURLToPath(file)} ended with code ${String(code)}.`)
  return JSON.parse(text) as unknown
}

export const nodeFlags = ['--disable-warning=ExperimentalWarning'] as const
