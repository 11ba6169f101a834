/** May the token write this (C18)? It is asked of the lane that the client's own words lead to, not of where the door would rather have it. */
import type { Lane } from '../../../event/position.ts'

export function isPermitted(lanes: readonly Lane[] | undefined, lane: Lane): boolean {
  return lanes === undefined || lanes.includes(lane)
}

export function forbiddenReason(lanes: readonly Lane[], lane: Lane): string {
  return `this token may not write to ${lane}, only to ${lanes.join(', ')}`
}
