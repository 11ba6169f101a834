/** The settings as people read them: `sluice --help` and `docs/run/settings.md`, from the same table as the parser. */
import type { NamedSetting, Sections } from './read-settings.ts'
import { nameSettings } from './read-settings.ts'

/** A variable that is no setting of the table but read beside it. */
export interface ExtraVariable {
  readonly env: string
  readonly doc: string
}

export function settingsHelp(sections: Sections, extra: readonly ExtraVariable[]): string {
  const lines = nameSettings(sections).map(
    ({ env, path, reloads, setting }) =>
      `  ${env}\n      ${path}: ${setting.doc} Default: ${setting.defaultText}.${reloads ? ' Reloads.' : ''}`,
  )
  return [...extra.map(({ env, doc }) => `  ${env}\n      ${doc}`), ...lines].join('\n')
}

export function settingsPage(sections: Sections, extra: readonly ExtraVariable[]): string {
  const named = nameSettings(sections)
  const chapters = Object.entries(sections).map(([section, { doc }]) => {
    const rows = named.filter((one) => one.section === section).map(settingRow)
    return [
      `## ${section}`,
      '',
      doc,
      '',
      '| setting | variable | value | default | reloads |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n')
  })
  return [introduction, extra.map(({ env, doc }) => `- \`${env}\`: ${doc}`).join('\n'), ...chapters].join('\n\n') + '\n'
}

const introduction = `# Settings

<!-- Generated from src/app/config.ts by \`npm run docs\`; a test compares them. -->

A setting is written in \`sluice.yaml\`, under its section, or given as an environment variable, which wins:

\`\`\`yaml
edge:
  port: 9000
intake:
  queueBytesMax: 128 MiB
\`\`\`

Sizes may be written with B, KiB, MiB or GiB, times with ms, s, min, h or d; a bare number counts bytes or milliseconds.
Several values of one setting are a list, or one text with commas; \`none\` is the empty list.
A variable that is empty counts as not set. Unknown names and values out of bounds are refused at start, all at once.
Variables that begin with \`SLUICE_TEST_\` belong to the test suite and are ignored.

\`sluice reload\`, or SIGHUP to a Sluice that runs without a terminal, reads the file again and tells what became of each
change: settings marked "yes" under "reloads" act at once, all others need a restart. When anything in the file is wrong, all
of it is told and nothing changes. Limits and restrictions are data, not settings: they are managed by the API.`

function settingRow({ path, env, reloads, setting }: NamedSetting): string {
  const shape = setting.shape[0]?.toUpperCase() ?? ''
  return `| \`${path}\`: ${setting.doc} | \`${env}\` | ${shape}${setting.shape.slice(1)} | ${setting.defaultText} | ${reloads ? 'yes' : ''} |`
}
