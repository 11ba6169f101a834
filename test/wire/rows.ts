/** All rows of the wire's table, by topic. */
import { answers } from './answers.rows.ts'
import { bodies } from './bodies.rows.ts'
import { events } from './events.rows.ts'
import { identities } from './identities.rows.ts'
import { laneRows } from './lanes.rows.ts'
import { recordings } from './recordings.rows.ts'
import { routes } from './routes.rows.ts'
import type { Row } from './row.ts'
import { rules } from './rules.rows.ts'
import { sdks } from './sdks.rows.ts'
import { v1 } from './v1.rows.ts'

export const rows: readonly Row[] = [
  ...routes,
  ...bodies,
  ...events,
  ...identities,
  ...laneRows,
  ...rules,
  ...recordings,
  ...answers,
  ...sdks,
  ...v1,
]
