/** What the supervisor and a role say to each other over the IPC channel. To stop, a role gets SIGTERM. */
import type { Config } from '../config.ts'
import type { ReadyInfo } from './role-context.ts'

/** The first and only message to a role. Settings travel here, so that secrets are in neither argv nor environment. */
export interface StartMessage {
  readonly kind: 'start'
  readonly config: Config
}

export type RoleMessage =
  | ({ readonly kind: 'ready' } & ReadyInfo)
  /** The role cannot start until somebody changes something; `message` says what. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }

export function isStartMessage(value: unknown): value is StartMessage {
  return kindOf(value) === 'start'
}

export function isRoleMessage(value: unknown): value is RoleMessage {
  const kind = kindOf(value)
  return kind === 'ready' || kind === 'refused'
}

/** Both ends are this program, so the kind tells the rest. */
function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined
}
