export interface Place {
  readonly from: number
  readonly to: number
}

const nameAfter =
  /\b(?:identifier|function|columns?|table|name|aggregate)\b(?: with name)?:? *(?:[`'"]([^`'"]+)[`'"]|([\w.]+\b)(?= *[.(]| does not exist| is not))/gi

/** Where in the question the server's words point to; undefined when they do not say. */
export function errorPlace(message: string, query: string): Place | undefined {
  return placeByPosition(message, query) ?? placeByName(message, query)
}

/** "failed at position 8 (FORM) (line 1, col 8)": counted from 1, in bytes of UTF-8. */
function placeByPosition(message: string, query: string): Place | undefined {
  const at = /failed at position (\d+)/i.exec(message)?.[1]
  if (at === undefined || query === '') return undefined
  const from = Math.min(charactersIn(query, Number(at) - 1), query.length - 1)
  const word = /^(?:\w+|.)/su.exec(query.slice(from))?.[0] ?? ''
  return { from, to: from + Math.max(1, word.length) }
}

function placeByName(message: string, query: string): Place | undefined {
  for (const [, quoted, bare] of message.matchAll(nameAfter)) {
    const name = quoted ?? bare ?? ''
    const found = new RegExp(`(?<![\\w.])${escaped(name)}(?!\\w)`).exec(query)
    if (name !== '' && found !== null) return { from: found.index, to: found.index + name.length }
  }
  return undefined
}

function charactersIn(text: string, bytes: number): number {
  let left = bytes
  let characters = 0
  for (const character of text) {
    left -= new TextEncoder().encode(character).length
    if (left < 0) break
    characters += character.length
  }
  return characters
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
