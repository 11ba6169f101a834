/**
 * Colours of the console. Every pair of text and background reaches 4.5:1 in both schemes (WCAG AA); where Mantine's own
 * choice does not, it is replaced here, so pages may use `c="dimmed"`, `c="red"`, badges and the rest as they are.
 */
import { createTheme, defaultCssVariablesResolver, localStorageColorSchemeManager } from '@mantine/core'
import type { CSSVariablesResolver, MantineColorsTuple } from '@mantine/core'

const water: MantineColorsTuple = [
  '#e8f6fc',
  '#d3ebf5',
  '#a5d5ea',
  '#74bfdf',
  '#4daad3',
  '#2f97c4',
  '#1787b8',
  '#0c739f',
  '#066288',
  '#004c6b',
]

/** As dark as Mantine's own, with a little of the blue of the rest. */
const dark: MantineColorsTuple = [
  '#d3d6da',
  '#b6bcc3',
  '#9aa1a9',
  '#6d757e',
  '#3a4047',
  '#2e333a',
  '#24282e',
  '#191c20',
  '#14171a',
  '#0f1113',
]

export const theme = createTheme({
  primaryColor: 'water',
  primaryShade: { light: 7, dark: 7 },
  colors: { water, dark },
  // Black or white on a filled colour, whichever reads better; this is where both are equally far away.
  autoContrast: true,
  luminanceThreshold: 0.18,
  defaultRadius: 'md',
  cursorType: 'pointer',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.15rem' }, h3: { fontSize: '1rem' } } },
  respectReducedMotion: true,
  components: {
    // In running text colour alone does not tell a link from the words around it.
    Anchor: { defaultProps: { underline: 'always' } },
    NavLink: { styles: { root: { borderRadius: 'var(--mantine-radius-md)' } } },
    Button: { styles: { root: { flex: 'none' } } },
    ActionIcon: { styles: { root: { flex: 'none' } } },
    Tabs: { classNames: { list: 'tabs', tab: 'tab' } },
    Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    Drawer: { defaultProps: { closeButtonProps: { 'aria-label': 'Close the menu' } } },
  },
})

export const colorSchemeManager = localStorageColorSchemeManager({ key: 'sluice-color-scheme' })

/** Text in a colour (`c="red"`), on the page and on a card; shade 7 and less is too pale on white for these. */
const textOnLight: Readonly<Record<string, string>> = {
  red: '#c01f1f',
  orange: '#a8430a',
  yellow: '#805500',
  lime: '#4a6b0a',
  green: '#1e7433',
  teal: '#087056',
  cyan: '#0b6675',
  gray: '#495057',
}

const lightColorOf = (name: string, text: string): [string, string][] => [
  [`--mantine-color-${name}-text`, text],
  [`--mantine-color-${name}-outline`, text],
  // Grey on white needs a shade more to be seen as a surface.
  [`--mantine-color-${name}-light`, `var(--mantine-color-${name}-${name === 'gray' ? '2' : '0'})`],
  [`--mantine-color-${name}-light-color`, `color-mix(in srgb, ${text} 88%, black)`],
]

export const cssVariablesResolver: CSSVariablesResolver = (resolved) => {
  const defaults = defaultCssVariablesResolver(resolved)
  return {
    variables: defaults.variables,
    light: {
      ...defaults.light,
      ...Object.fromEntries(Object.entries(textOnLight).flatMap(([name, text]) => lightColorOf(name, text))),
      '--mantine-color-dimmed': '#535b63',
      '--mantine-color-placeholder': '#666e76',
      '--mantine-color-error': '#c01f1f',
      '--mantine-color-success': '#087056',
      '--sluice-surface': '#f6f8fa',
      '--sluice-line': '#d5dbe1',
      '--sluice-shadow': 'rgb(15 17 19 / 22%)',
      '--sluice-chart-grid': '#e4e8ec',
    },
    dark: {
      ...defaults.dark,
      '--mantine-color-dimmed': '#a6adb5',
      '--mantine-color-placeholder': '#9aa1a9',
      '--mantine-color-error': '#ff8787',
      '--mantine-color-success': '#63e6be',
      '--mantine-color-anchor': '#74bfdf',
      '--mantine-color-gray-light': '#343a42',
      // Half as loud as Mantine's: a whole alert is filled with it.
      '--mantine-color-red-light': '#44191b',
      '--sluice-surface': '#1f2328',
      '--sluice-line': '#3a4047',
      '--sluice-shadow': 'rgb(0 0 0 / 65%)',
      '--sluice-chart-grid': '#2e333a',
    },
  }
}
