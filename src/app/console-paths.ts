/** Files of the built console beside `index.html` and `assets/`; the edge passes on what is named here and nothing else. */
export const consoleFiles = ['icon.svg', 'scheme.js'] as const

const named: readonly string[] = ['/', ...consoleFiles.map((name) => `/${name}`)]

/** Whether the path is the console's. */
export function isConsolePath(path: string): boolean {
  return named.includes(path) || path.startsWith('/assets/')
}
