/**
 * The list of known tokens as a file, so that a door which opens while Postgres is away knows them all the same.
 *
 * Lines of JSON: `{"format":2}`, then `["<token>",<project id>,"<answers>"]` each, with the project's policy (`door-policy.ts`) as a
 * fourth where it has one, then `{"tokens":<how many>}`. The file is replaced as a whole; one without its last line, or with anything
 * unexpected, is no snapshot. Format 1 knew no policies. The file is its owner's alone: policies hold signing secrets.
 */
import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { codeOf, Failure } from '../../kit/failure.ts'
import { doorPolicyFrom } from './door-policy.ts'
import type { DoorPolicy } from './door-policy.ts'
import type { Answers } from './projects.ts'

export interface KnownToken {
  readonly kind: 'known'
  readonly projectId: number
  readonly answers: Answers
  /** What its project says about events at the door, where it says anything. */
  readonly policy?: DoorPolicy
}

const format = 2
const readableFormats: readonly unknown[] = [1, format]
/** Lines written at once, so that a long list does not hold up the process. */
const linesAtOnce = 1000

/** Replaces the file; the old one stays whole until the new one is on disk. */
export async function saveTokenSnapshot(file: string, tokens: ReadonlyMap<string, KnownToken>): Promise<void> {
  const staging = `${file}.new`
  const handle = await open(staging, 'w', 0o600)
  try {
    let lines = [JSON.stringify({ format })]
    let count = 0
    for (const [token, { projectId, answers, policy }] of tokens) {
      lines.push(
        JSON.stringify(policy === undefined ? [token, projectId, answers] : [token, projectId, answers, policy]),
      )
      count += 1
      if (lines.length < linesAtOnce) continue
      await handle.write(`${lines.join('\n')}\n`)
      lines = []
    }
    lines.push(JSON.stringify({ tokens: count }))
    await handle.write(`${lines.join('\n')}\n`)
    await handle.sync()
  } catch (error) {
    await rm(staging, { force: true })
    throw error
  } finally {
    await handle.close()
  }
  await rename(staging, file)
}

/** The tokens of the file, at most `tokensMax`; none when there is no file. Throws when it is not a whole snapshot. */
export async function loadTokenSnapshot(file: string, tokensMax: number): Promise<Map<string, KnownToken>> {
  const tokens = new Map<string, KnownToken>()
  let read = 0
  let whole = false
  const input = createReadStream(file, 'utf8')
  try {
    for await (const line of createInterface({ input })) {
      const value = JSON.parse(line) as unknown
      if (read === 0) {
        if (!readableFormats.includes(numberIn(value, 'format'))) throw damaged(file)
      } else if (Array.isArray(value) && !whole) {
        const [token, known] = tokenFrom(file, value)
        if (tokens.size < tokensMax) tokens.set(token, known)
      } else {
        whole = numberIn(value, 'tokens') === read - 1
        if (!whole) throw damaged(file)
      }
      read += 1
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return tokens
    throw error instanceof SyntaxError ? damaged(file, error) : error
  } finally {
    input.destroy()
  }
  if (!whole) throw damaged(file)
  return tokens
}

function tokenFrom(file: string, [token, projectId, answers, saved]: readonly unknown[]): [string, KnownToken] {
  if (typeof token !== 'string' || typeof projectId !== 'number') throw damaged(file)
  if (answers !== 'sdk' && answers !== 'strict') throw damaged(file)
  if (saved === undefined) return [token, { kind: 'known', projectId, answers }]
  const policy = doorPolicyFrom(saved)
  if (policy === undefined) throw damaged(file)
  return [token, { kind: 'known', projectId, answers, policy }]
}

function numberIn(value: unknown, key: string): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const found = (value as Readonly<Record<string, unknown>>)[key]
  return typeof found === 'number' ? found : undefined
}

function damaged(file: string, cause?: unknown): Failure {
  return new Failure('SLUICE_TOKEN_SNAPSHOT_DAMAGED', `${file} is not a whole list of tokens.`, { cause })
}
