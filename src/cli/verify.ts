/** `sluice verify`: is each acknowledged event in the table once? Exit code 1 when something is lost, doubled or invented. */
import type { Config } from '../app/config.ts'
import { verifyInstallation } from '../app/verify-installation.ts'
import type { Verdict } from '../app/verify-installation.ts'

export async function verify(config: Config, words: readonly string[]): Promise<number> {
  // Sockets have short names below the data folder, and so have the journals.
  process.chdir(config.data.dir)
  const verdict = await verifyInstallation(config)
  process.stdout.write(words.includes('--json') ? `${JSON.stringify(verdict, null, 2)}\n` : textOf(verdict))
  return verdict.equal ? 0 : 1
}

function textOf(verdict: Verdict): string {
  const { equal, accepted, canaries, rows, lost, doubled, invented } = verdict
  const counted = `${String(accepted)} accepted events (${String(canaries)} of them canaries), ${String(rows)} rows`
  const lines = [
    equal ? `Equal: ${counted}.` : `NOT EQUAL: ${counted}.`,
    `  lost ${String(lost.count)}, doubled ${String(doubled.count)}, invented ${String(invented.count)}`,
    `  without a row for a reason: dropped ${String(verdict.dropped)}, dead letters ${String(verdict.deadLetter)}, damaged ${String(verdict.damaged)}, replaced ${String(verdict.replaced)}, expired ${String(verdict.expired)}, erased ${String(verdict.erased)}`,
  ]
  for (const [name, { ids }] of Object.entries({ lost, doubled, invented })) {
    for (const id of ids) lines.push(`  ${name}: ${id}`)
  }
  return `${lines.join('\n')}\n`
}
