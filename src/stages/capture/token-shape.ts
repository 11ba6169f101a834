const tokenBytesMax = 64

/** What is wrong with a token's shape, in the words of capture spec §5.2; undefined when nothing is. `token` is trimmed. */
export function tokenProblem(token: string): string | undefined {
  if (token === '') return 'empty'
  if (Buffer.byteLength(token) > tokenBytesMax) return 'too_long'
  for (let i = 0; i < token.length; i++) if (token.charCodeAt(i) > 0x7f) return 'not_ascii'
  if (token.startsWith('phx_')) return 'personal_api_key'
  return token.includes('\0') ? 'null_byte' : undefined
}
