import { describeNamedPoints } from '../harness/named-points.ts'
import { embedded } from '../harness/profiles.ts'

describeNamedPoints('core', [
  { name: 'core:before-derived-append', when: 'before it commits what it derived', hitsMax: 20 },
  {
    name: 'core:before-journal-write',
    when: 'between the decision about a range and its write',
    hitsMax: 20,
    only: embedded,
  },
  { name: 'core:after-derived-append', when: 'between the derived batch and the insert', hitsMax: 20 },
  { name: 'core:after-segment-open', when: 'while it opens a segment', hitsMax: 3, only: embedded },
  { name: 'core:after-intent', when: 'between the intent and the insert', hitsMax: 10 },
  { name: 'core:after-insert', when: 'between the insert and the advance', hitsMax: 10 },
])
