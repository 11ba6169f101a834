/** What the supervisor and a role say to each other over the IPC channel. To stop, a role gets SIGTERM. */
import type { Config } from '../config.ts'
import type { ReloadReport } from '../reload.ts'
import type { ReadyInfo } from './role-context.ts'

/** The first message to a role. Settings travel here, so that secrets are in neither argv nor environment. */
export interface StartMessage {
  readonly kind: 'start'
  readonly config: Config
}

/** What a running role hears later. */
export type LaterMessage =
  /** The settings as they are from now on; the answer is `settings-taken` with the same turn. */
  | { readonly kind: 'settings'; readonly turn: number; readonly config: Config; readonly changed: readonly string[] }
  /** The answer to `reload-asked`. */
  | { readonly kind: 'reload-told'; readonly turn: number; readonly report: ReloadReport }

export type RoleMessage =
  | ({ readonly kind: 'ready' } & ReadyInfo)
  /** The role cannot start until somebody changes something; `message` says what. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'settings-taken'; readonly turn: number; readonly problems: readonly string[] }
  /** Somebody asked the role that the settings be read again. */
  | { readonly kind: 'reload-asked'; readonly turn: number }

export function isStartMessage(value: unknown): value is StartMessage {
  return kindOf(value) === 'start'
}

export function isLaterMessage(value: unknown): value is LaterMessage {
  const kind = kindOf(value)
  return kind === 'settings' || kind === 'reload-told'
}

export function isRoleMessage(value: unknown): value is RoleMessage {
  const kind = kindOf(value)
  return kind === 'ready' || kind === 'refused' || kind === 'settings-taken' || kind === 'reload-asked'
}

/** Both ends are this program, so the kind tells the rest. */
function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined
}
