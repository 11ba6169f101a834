/**
 * What the door says of an event beside its bytes; each becomes a header of the record (capture spec §11.3), `'true'`. The
 * bits stand in files: never renumber, only add.
 */
export const eventMarks = {
  historical_migration: 8,
  force_disable_person_processing: 16,
  skip_heatmap_processing: 32,
  is_cookieless_mode: 64,
  /** Its `ip` header is 127.0.0.1 (capture spec §9). */
  capture_internal: 128,
} as const
