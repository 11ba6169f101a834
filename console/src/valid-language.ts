/**
 * Chromium in a POSIX locale calls its language `en-US@posix`, which its own Intl refuses, and uPlot hands it on while it
 * is loaded. Where the language is no language, the console says `en`. Imported first, for what it does.
 */
try {
  new Intl.Locale(navigator.language)
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en', configurable: true })
}
