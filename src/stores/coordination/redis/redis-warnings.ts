/** What is wrong with how a Redis server is set up for us. Told, not refused: it works until it hurts. */
export interface RedisWarning {
  readonly code: 'evicts' | 'setup_unknown'
  /** A sentence that says what to do. */
  readonly message: string
}

/** From the text that `INFO` answers; undefined when the server does not let us ask. */
export function redisWarningsFrom(info: string | undefined): readonly RedisWarning[] {
  const policy = info === undefined ? undefined : /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  if (policy === undefined) {
    const message =
      'Redis does not say what it does when its memory is full: make sure that maxmemory-policy is noeviction.'
    return [{ code: 'setup_unknown', message }]
  }
  if (policy === 'noeviction') return []
  const message =
    `Redis throws keys away when its memory is full (maxmemory-policy ${policy}): duplicates may enter, limits may be exceeded ` +
    'and leases may be held twice. Set maxmemory-policy to noeviction.'
  return [{ code: 'evicts', message }]
}
