import type { SqlSession } from '../../../kit/sql-session.ts'
import type { LogEpochs } from '../log-epochs.ts'

/** Epochs in the table `sluice.log_epochs`. The row's lock puts those who take a lane at once in an order. */
export function postgresLogEpochs(sql: SqlSession): LogEpochs {
  return {
    async take(lane) {
      const [taken] = await sql.query<{ readonly epoch: number }>(
        `insert into sluice.log_epochs as e (lane, epoch) values ($1, 1)
         on conflict (lane) do update set epoch = e.epoch + 1, taken_at = now()
         returning epoch`,
        [lane],
      )
      if (taken === undefined) throw new Error('An insert with "returning" gave no row.')
      return taken.epoch
    },
    async newest(lane) {
      const [found] = await sql.query<{ readonly epoch: number }>(
        'select epoch from sluice.log_epochs where lane = $1',
        [lane],
      )
      return found?.epoch ?? 0
    },
  }
}
