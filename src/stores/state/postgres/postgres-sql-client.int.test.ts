import { openTestPostgres } from '../embedded-postgres/postgres.fixtures.ts'
import { processesOn } from '../embedded-postgres/leftover-postgres.ts'
import { describeSqlClient } from '../sql-client.contract.ts'

describeSqlClient('pg', async () => {
  const postgres = await openTestPostgres()
  return {
    open: (timeouts) => postgres.client(timeouts),
    killServer: () => postgres.kill(),
    startServer: () => postgres.restart(),
    async freezeServer() {
      const pids = await processesOn(postgres.connection.host)
      for (const pid of pids) process.kill(pid, 'SIGSTOP')
      return () => pids.forEach((pid) => process.kill(pid, 'SIGCONT'))
    },
    close: () => postgres.close(),
  }
})
