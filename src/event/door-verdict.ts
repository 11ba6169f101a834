/**
 * What the door decided about one event:
 * - stored: durable, at a position of its own.
 * - duplicate: a copy of an event that is durable, whose position is told.
 * - refused: invalid; kept in the dead-letter lane, with the reason.
 * - quota_limited, rate_limited: its project has no more of it left, or not just now. Kept nowhere.
 * - dropped: a restriction of the project or a drop list says so. Kept nowhere.
 */
export type DoorVerdict = 'stored' | 'duplicate' | 'refused' | 'quota_limited' | 'rate_limited' | 'dropped'
