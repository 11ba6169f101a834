import { configHelp } from '../app/config.ts'

export function helpText(): string {
  return `Sluice takes in product events, stores each acknowledged one exactly once, and answers questions in SQL.

Usage: sluice <command> [--config <file>]

Commands:
  start            Runs Sluice here until Ctrl-C; a second Ctrl-C ends it at once.
  status [--json]  Shows the processes, what waits where, and the books.
  health           Ends with 0 when all that was started here answers, else with 1; for containers.
  verify           Compares what was acknowledged with what is stored.
  explain <uuid>   Says what became of an event, wherever it is; --json for programs.
  messages         Prints records of a lane as readers of PostHog's topics know them.
  limits           Lists, sets and removes limits of projects; alone it says how.
  reload           Reads the settings again and says which act at once and which need a restart.
  reset-login      Prints a new one-time password for the console and ends its sessions.
  scale-out        Moves a stopped embedded installation to the cluster profile; status, back, finish.
  help, version    Also --help and --version.

Settings, as environment variables; sluice.yaml in the working directory takes them by the second name:
${configHelp()}
`
}
