/** Settings of admission; parsed and bounded in `app/config.ts`. */
export interface AdmissionConfig {
  /** An event older than this goes to the lane of historical events; 0: none does. */
  readonly historicalAfterDays: number
  /** Which events are dropped, whatever their projects say; see `rules/drop-list.ts`. */
  readonly dropEvents: string
  /** A key that sends more goes to the overflow lane; 0: none does. */
  readonly overflowEventsPerSecond: number
  readonly overflowBurstEventsMax: number
  /** Keys whose rates are in memory at once. */
  readonly overflowKeysMax: number
  /** `token` or `token:distinct_id`: always to the overflow lane, without persons. */
  readonly overflowKeys: readonly string[]
  /** How far a signature's time may be from ours, either way. */
  readonly signatureAgeMsMax: number
  readonly signaturesMax: number
}
