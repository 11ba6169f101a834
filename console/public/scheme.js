/* global document, localStorage, matchMedia */
// Runs before the first paint, so that a dark console does not flash white. A file of its own, because the content
// security policy allows no inline scripts. The key is the one src/theme.ts gives to Mantine.
try {
  const kept = localStorage.getItem('sluice-color-scheme')
  const dark = kept === 'dark' || (kept !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light')
} catch {
  document.documentElement.setAttribute('data-mantine-color-scheme', 'light')
}
