/**
 * Ordinary events carry what heatmaps are made of; it goes its own way as a second record of the same bytes (capture spec §11.1), from
 * which the flow of heatmaps takes its properties and the flow of events all others.
 */
import { eventMarks } from '../../../event/event-marks.ts'
import type { IntakeEvent } from '../../../stores/intake/intake.ts'
import type { UuidWords } from '../../../event/uuid.ts'
import type { RestrictedEvent, RuleAbout } from './restrictions.ts'

/**
 * - split: into two.
 * - strip: the project drops heatmaps, so that part goes nowhere.
 * - whole: the project wants its heatmaps as dead letters; an event is not torn apart for that.
 */
export function heatmapFate(event: RestrictedEvent, ruleAbout: RuleAbout | undefined): 'split' | 'strip' | 'whole' {
  if (ruleAbout === undefined) return 'split'
  const { isDropped, isDeadLetter } = ruleAbout({ ...event, name: '$$heatmap', uuid: undefined }, 'analytics')
  if (isDropped) return 'strip'
  return isDeadLetter ? 'whole' : 'split'
}

/** The heatmap's own record. Nothing of it is a copy of anything: it is stored if and only if the event it came from is. */
export function heatmapOf(event: IntakeEvent, at: number, uuid: UuidWords, partitionKey: string): IntakeEvent {
  const { start, end, distinctId, marks = 0 } = event
  return {
    start,
    end,
    uuid,
    distinctId,
    lane: 'heatmaps_ingestion',
    partitionKey,
    duplicateKey: undefined,
    marks:
      marks &
      (eventMarks.is_cookieless_mode | eventMarks.capture_internal | eventMarks.force_disable_person_processing),
    splitFrom: at,
  }
}
