/** The first `count` characters (Unicode scalar values) of a text: a pair of surrogates is one and is never parted. */
export function firstCharacters(text: string, count: number): string {
  if (text.length <= count) return text
  let units = 0
  for (let n = 0; n < count && units < text.length; n++) units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1
  return text.slice(0, units)
}
