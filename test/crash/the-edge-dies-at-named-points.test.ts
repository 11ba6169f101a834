import { describeNamedPoints } from '../harness/named-points.ts'
import { cluster, embedded } from '../harness/profiles.ts'

describeNamedPoints('edge', [
  { name: 'edge:before-journal-write', when: 'between the decision and the write', hitsMax: 40, only: embedded },
  { name: 'edge:after-journal-sync', when: 'between the sync and its publication', hitsMax: 40, only: embedded },
  { name: 'edge:before-log-append', when: 'between the decision and the append', hitsMax: 40, only: cluster },
  { name: 'edge:after-log-append', when: 'between the append and the keeping of keys', hitsMax: 40, only: cluster },
  { name: 'edge:before-answer', when: 'between the durable append and the answer', hitsMax: 80 },
  { name: 'edge:after-segment-open', when: 'while it opens a segment', hitsMax: 3, only: embedded },
])
