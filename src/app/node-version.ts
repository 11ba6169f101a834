const oldest = [24, 14, 1] as const

/** What to tell who runs an older Node; undefined when it will do. Older ones can be stalled by a small request (CVE-2026-21717). */
export function nodeVersionComplaint(version: string): string | undefined {
  const parts = version.replace(/^v/, '').split('.').map(Number)
  for (const [index, least] of oldest.entries()) {
    const part = parts[index] ?? 0
    if (part > least) return undefined
    if (part < least) {
      return `Sluice needs Node ${oldest.join('.')} or newer; this is ${version}. Install a newer one, or use \`npm start\` in a clone, which brings its own.`
    }
  }
  return undefined
}
