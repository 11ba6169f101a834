import { describeNamedPoints } from '../harness/named-points.ts'

describeNamedPoints('edge', [
  { name: 'edge:before-journal-write', when: 'between the decision and the write', hitsMax: 40 },
  { name: 'edge:after-journal-sync', when: 'between the sync and its publication', hitsMax: 40 },
  { name: 'edge:before-answer', when: 'between the durable append and the answer', hitsMax: 80 },
  { name: 'edge:after-segment-open', when: 'while it opens a segment', hitsMax: 3 },
])
