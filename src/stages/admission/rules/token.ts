/** Is the token one of ours (C5)? In doubt it is: availability beats the detection of typing errors. */
import type { TokenAnswer, TokenDirectory } from '../../../stores/state/token-directory.ts'

/** A token that is not known is looked up once more before it is refused, so that a new project's token works at once. */
export function lookAtToken(
  tokens: Pick<TokenDirectory, 'lookup' | 'confirm'>,
  token: string,
): TokenAnswer | Promise<TokenAnswer> {
  const answer = tokens.lookup(token)
  return answer.kind === 'unknown' ? tokens.confirm(token) : answer
}
