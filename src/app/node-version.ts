/**
 * Which versions of Node Sluice refuses to run on: those with a published attack on what the edge does with bytes of strangers
 * (HTTP, TLS, hashing). One row a release line, with the first version of it that is free of them; a line that is not
 * listed and older is out of support, a newer one is trusted until something is known of it.
 */
type Version = readonly [major: number, minor: number, patch: number]

interface ReleaseLine {
  readonly from: Version
  /** Of everything before `from`. */
  readonly attacks: string
}

const march2026 =
  'a small request stalls the process (CVE-2026-21717), a header or a TLS server name ends it (CVE-2026-21710, CVE-2026-21637)'

const releaseLines: Readonly<Record<number, ReleaseLine>> = {
  24: { from: [24, 14, 1], attacks: march2026 },
  25: { from: [25, 8, 2], attacks: march2026 },
}
const oldestLine = 24
const advised = releaseLines[oldestLine]?.from.join('.') ?? ''

/** What to tell who runs another Node; undefined when it will do. */
export function nodeVersionComplaint(version: string): string | undefined {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number)
  const whatToDo = `Install Node ${advised} or newer, or use \`npm start\` in a clone, which brings its own.`
  if (major < oldestLine) return `Sluice needs Node ${advised} or newer; this is ${version}. ${whatToDo}`
  const line = releaseLines[major]
  if (line === undefined || !isBefore([major, minor, patch], line.from)) return undefined
  return `Sluice does not run on Node ${version}, which can be attacked from the network: ${line.attacks}. ${whatToDo}`
}

function isBefore(version: Version, from: Version): boolean {
  for (const [index, part] of version.entries()) {
    const least = from[index] ?? 0
    if (part !== least) return part < least
  }
  return false
}
