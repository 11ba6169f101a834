/**
 * NUL and lone surrogates can only stand in valid UTF-8 JSON as escapes. Stores refuse them, so their escapes become
 * that of U+FFFD (capture spec §3.5, §6; plugin server spec §2.4 item 1, §2.6). Text for text, before parsing: no
 * object is walked or copied, and the text keeps its length.
 */

/** An escape with all that belongs to it: `\\` and the like, a surrogate pair, one code unit. */
const escapes = /\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([0-9a-fA-F]{4})|[^u])/g

/** True when a JSON text may hold what `repairEscapes` replaces. */
export function mayNeedRepair(json: string): boolean {
  return /\\u(?:0000|[dD][89a-fA-F])/.test(json)
}

/** `json`: valid JSON. */
export function repairEscapes(json: string): string {
  return json.replaceAll(escapes, (escape, _pair: string | undefined, unit: string | undefined) =>
    unit !== undefined && isUnstorable(Number.parseInt(unit, 16)) ? '\\ufffd' : escape,
  )
}

function isUnstorable(unit: number): boolean {
  return unit === 0 || (unit >= 0xd800 && unit <= 0xdfff)
}
