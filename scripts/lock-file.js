/** What `npm ci` needs to find in package-lock.json, and npm does not always write there: see complete-lock-file.js. */

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

/** Entries for optional packages that some package of the lock file names and that the lock file lacks. */
export function missingOptionalEntries(lock) {
  const missing = {}
  for (const owner of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
      const place = `node_modules/${name}`
      if (!(place in lock.packages)) missing[place] = entryFor(name, version, owner.dev === true)
    }
  }
  return missing
}

/** Keys in the order in which npm writes them, so that its next visit changes nothing. */
function entryFor(name, version, isDev) {
  const words = name.split('/').at(-1).split('-')
  const os = systems.filter((system) => words.includes(system))
  const cpu = processors.filter((processor) => words.includes(processor))
  if (os.length === 0 || cpu.length === 0) throw new Error(`${name} does not tell its platform: add its entry by hand.`)
  const libc = os[0] !== 'linux' ? undefined : words.some((word) => word.startsWith('musl')) ? 'musl' : 'glibc'
  return { version, cpu, ...(isDev && { dev: true }), ...(libc && { libc: [libc] }), optional: true, os }
}
