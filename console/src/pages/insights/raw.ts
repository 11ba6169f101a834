/** Links and saved insights are written by anyone: what they carry is read field by field, never trusted. */
export type Raw = Readonly<Record<string, unknown>>

export function rawFrom(value: unknown): Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {}
}

export function listFrom(value: unknown, max: number): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, max) : []
}

export function textFrom(value: unknown, charsMax = 200): string {
  return typeof value === 'string' ? value.slice(0, charsMax) : ''
}

export function wholeNumberFrom(value: unknown, bounds: { min: number; max: number; otherwise: number }): number {
  const { min, max, otherwise } = bounds
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : otherwise
}

export function oneOf<const T extends string>(value: unknown, allowed: readonly T[], otherwise: T): T {
  return allowed.find((each) => each === value) ?? otherwise
}
