/** Hands a text to the browser as a file. */
export function downloadText(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // Browsers that begin to read later than the click have begun by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
