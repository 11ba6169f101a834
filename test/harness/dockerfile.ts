/**
 * Reads a Dockerfile and puts together the files that its stages would have, without a container engine: COPY is carried
 * out on folders, with .dockerignore; what a RUN would do is for the caller, who knows the commands.
 *
 * It knows the instructions that Sluice's own file uses, and throws at any other, so that nothing is passed over unseen.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

export interface Instruction {
  readonly name: string
  readonly flags: Readonly<Record<string, string>>
  /** As written, without flags; lines that go on are joined. */
  readonly text: string
}

export interface Stage {
  readonly name: string
  /** A stage before it, or an image of somebody else. */
  readonly from: string
  readonly instructions: readonly Instruction[]
}

const known = [
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'RUN',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
]

export function readDockerfile(text: string): readonly Stage[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line))
  const written = lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
  const defaults = new Map<string, string>()
  const stages: { name: string; from: string; instructions: Instruction[] }[] = []
  for (const line of written) {
    const [, word = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    const name = word.toUpperCase()
    if (!known.includes(name))
      throw new Error(`The Dockerfile has an instruction that this reader does not know: ${line}`)
    if (name === 'ARG' && stages.length === 0) {
      const [key = '', value = ''] = rest.split('=')
      defaults.set(key, value)
      continue
    }
    if (name === 'FROM') {
      const [, from = '', stage = ''] = /^(\S+) AS (\S+)$/.exec(rest) ?? []
      if (stage === '') throw new Error(`A stage has no name: ${line}`)
      const withArguments = from.replaceAll(/\$\{(\w+)\}/g, (_, key: string) => defaults.get(key) ?? '')
      stages.push({ name: stage, from: withArguments, instructions: [] })
      continue
    }
    stages.at(-1)?.instructions.push(instructionOf(name, rest))
  }
  return stages
}

function instructionOf(name: string, rest: string): Instruction {
  const flags: Record<string, string> = {}
  let text = rest
  for (let flag = /^--([a-z-]+)=(\S+)\s+/.exec(text); flag !== null; flag = /^--([a-z-]+)=(\S+)\s+/.exec(text)) {
    flags[flag[1] ?? ''] = flag[2] ?? ''
    text = text.slice(flag[0].length)
  }
  return { name, flags, text }
}

/** Whether the file, by its path below the context, is kept from the engine. The last pattern that fits it or a folder above it wins. */
export function isIgnored(file: string, dockerignore: string): boolean {
  const parts = file.split('/')
  const places = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
  let ignored = false
  for (const line of dockerignore.split('\n')) {
    const pattern = line.trim()
    if (pattern === '' || pattern.startsWith('#')) continue
    const isException = pattern.startsWith('!')
    const shape = shapeOf(isException ? pattern.slice(1) : pattern)
    if (places.some((place) => shape.test(place))) ignored = !isException
  }
  return ignored
}

/** As Go matches paths: a star stays within a folder, and takes names that begin with a dot too. */
function shapeOf(pattern: string): RegExp {
  const parts = pattern.split(/(\*\*\/|\*\*|\*|\?)/).map((part) => {
    if (part === '**/') return '(?:.*/)?'
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    return part === '?' ? '[^/]' : part.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
  })
  return new RegExp(`^${parts.join('')}$`)
}

export interface AssembleOptions {
  readonly dockerfile: readonly Stage[]
  /** Folder of the Dockerfile. */
  readonly context: string
  /** Each stage gets a folder of its own below it. */
  readonly into: string
  /** Called for each RUN, in the folder that is the stage's working directory; `root` is that of the stage. */
  readonly run: (command: string, folder: string, root: string) => void
}

/** Makes the named stage and those it needs; returns its root folder. */
export function assemble(name: string, options: AssembleOptions): string {
  const { dockerfile, context, into, run } = options
  const stage = dockerfile.find((one) => one.name === name)
  if (stage === undefined) throw new Error(`The Dockerfile has no stage ${name}.`)
  const root = path.join(into, name)
  if (existsSync(root)) return root
  mkdirSync(root, { recursive: true })
  if (dockerfile.some((one) => one.name === stage.from)) {
    cpSync(assemble(stage.from, options), root, { recursive: true, verbatimSymlinks: true })
  }
  const dockerignore = readFileSync(path.join(context, '.dockerignore'), 'utf8')
  let folder = workingFolderOf(stage, dockerfile)
  for (const { name: instruction, flags, text } of stage.instructions) {
    if (instruction === 'WORKDIR') folder = text
    if (instruction === 'RUN') run(text, path.join(root, folder), root)
    if (instruction !== 'COPY') continue
    const from = flags['from'] === undefined ? context : assemble(flags['from'], options)
    const words = text.split(/\s+/)
    const target = path.join(root, path.resolve('/', folder, words.at(-1) ?? ''))
    for (const source of words.slice(0, -1)) {
      const isKept = (file: string): boolean =>
        flags['from'] !== undefined || file === context || !isIgnored(path.relative(context, file), dockerignore)
      copy(path.join(from, source), target, words.at(-1)?.endsWith('/') === true, isKept)
    }
  }
  return root
}

/** The working directory that a stage begins with. */
function workingFolderOf(stage: Stage, dockerfile: readonly Stage[]): string {
  const base = dockerfile.find((one) => one.name === stage.from)
  if (base === undefined) return '/'
  const own = base.instructions.findLast(({ name }) => name === 'WORKDIR')
  return own?.text ?? workingFolderOf(base, dockerfile)
}

/** A folder's content goes into the target, a file below it when the target is a folder. */
function copy(source: string, target: string, intoFolder: boolean, isKept: (file: string) => boolean): void {
  const isFolder = statSync(source).isDirectory()
  const place = isFolder || !intoFolder ? target : path.join(target, path.basename(source))
  if (!isFolder && !isKept(source)) throw new Error(`${source} is copied, but .dockerignore keeps it out.`)
  mkdirSync(path.dirname(place), { recursive: true })
  // Folders are gone through whatever they are called: an exception may be below them.
  const filter = (file: string): boolean => statSync(file).isDirectory() || isKept(file)
  cpSync(source, place, { recursive: true, verbatimSymlinks: true, filter })
}

/** Files below the folder with `/`, links as what they are. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort()
}
