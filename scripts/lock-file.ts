/** What `npm ci` needs to find in package-lock.json, and npm does not always write there: see complete-lock-file.ts. */

export interface LockEntry {
  readonly version?: string
  readonly cpu?: readonly string[]
  readonly dev?: boolean
  readonly libc?: readonly string[]
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** The part of package-lock.json that is read here; what else stands in it is kept. */
export interface LockFile {
  readonly packages: Readonly<Record<string, LockEntry>>
}

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

/** Entries for optional packages that some package of the lock file names and that the lock file lacks. */
export function missingOptionalEntries(lock: LockFile): Readonly<Record<string, LockEntry>> {
  const named = Object.values(lock.packages).flatMap((owner) =>
    Object.entries(owner.optionalDependencies ?? {}).map(
      ([name, version]) => [`node_modules/${name}`, entryFor(name, version, owner.dev === true)] as const,
    ),
  )
  return Object.fromEntries(named.filter(([place]) => !(place in lock.packages)))
}

/** Keys in the order in which npm writes them, so that its next visit changes nothing. */
function entryFor(name: string, version: string, isDev: boolean): LockEntry {
  const words = name.split(/[-/]/)
  const os = systems.filter((system) => words.includes(system))
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : 'glibc'
  return {
    version,
    cpu: processors.filter((processor) => words.includes(processor)),
    ...(isDev && { dev: true }),
    ...(os.includes('linux') && { libc: [libc] }),
    optional: true,
    os,
  }
}
