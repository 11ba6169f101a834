import { userInfo } from 'node:os'

/** The name of who runs the command, for the audit log. An account may have none, in a container for one. */
export function whoRunsThis(): string {
  try {
    return userInfo().username
  } catch {
    return `user ${String(process.getuid?.())}`
  }
}
