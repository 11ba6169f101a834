/** Line colours that reach 3:1 against the page (WCAG 1.4.11) and are told apart by people who see colours differently. */
const light = [
  '#0c739f',
  '#c2410c',
  '#5b3fb8',
  '#15803d',
  '#b0246b',
  '#7a5b00',
  '#374151',
  '#0e7490',
  '#9f1239',
  '#4d6210',
]
const dark = [
  '#5cc3ee',
  '#ff9d66',
  '#b3a0ff',
  '#6fd48c',
  '#ff8cc0',
  '#e3c04d',
  '#c9d1d9',
  '#5fd7e0',
  '#ff8f9c',
  '#b8d15c',
]

/** After these no more can be told apart: more series than this repeat the colours, with another dash. */
const chartColorsMax = light.length

export function chartColor(index: number, scheme: 'light' | 'dark'): string {
  return (scheme === 'light' ? light : dark)[index % chartColorsMax] ?? '#808080'
}

const dashes: readonly (readonly number[])[] = [[], [2, 4], [10, 4, 2, 4]]

/** Told apart by more than colour: each round through the colours has its dash; a previous period is always dashed. */
export function chartDash(index: number, isPrevious: boolean): number[] {
  return isPrevious ? [6, 5] : [...(dashes[Math.floor(index / chartColorsMax) % dashes.length] ?? [])]
}
