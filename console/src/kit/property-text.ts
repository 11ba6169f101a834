/** The value of a property on one line: text as it is, everything else as JSON. */
export function propertyText(value: unknown): string {
  if (typeof value === 'string') return value
  // Of what JSON cannot have nothing comes from the API.
  return value === undefined ? '' : JSON.stringify(value)
}

/** Properties in the order people look for them: one's own first, those of the SDK (`$…`) after them. */
export function sortedProperties(properties: Readonly<Record<string, unknown>>): [string, unknown][] {
  const rank = (name: string): number => (name.startsWith('$') ? 1 : 0)
  return Object.entries(properties).sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b, 'en'))
}
