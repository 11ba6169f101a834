import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { codeOf, messageOf } from '../kit/failure.ts'
import type { ConfigResult } from './config.ts'
import { configFileVariable, configFrom } from './config.ts'
import { readTlsFiles } from './edge/tls-files.ts'
import type { Environment, SettingsFile } from './settings/read-settings.ts'

export interface ReadConfigOptions {
  readonly environment: Environment
  readonly workingFolder: string
  /** `--config` of the command line. */
  readonly configPath: string | undefined
}

/** As `readConfig`, and with a look at what lies in files of its own. */
export async function readCheckedConfig(options: ReadConfigOptions): Promise<ConfigResult> {
  const result = readConfig(options)
  if (result.kind === 'problems') return result
  const tls = await readTlsFiles(result.config.tls)
  return tls.kind === 'problem' ? { kind: 'problems', problems: [tls.problem] } : result
}

const defaultFile = 'sluice.yaml'

/** The settings by the environment and by the file that the command line, the environment or the working directory names. */
export function readConfig(options: ReadConfigOptions): ConfigResult {
  const { environment, workingFolder } = options
  const fromEnvironment = environment[configFileVariable.env]
  const named = options.configPath ?? (fromEnvironment === '' ? undefined : fromEnvironment)
  const path = resolve(workingFolder, named ?? defaultFile)
  let file: SettingsFile | undefined
  try {
    file = { path, text: readFileSync(path, 'utf8') }
  } catch (error) {
    if (named !== undefined || codeOf(error) !== 'ENOENT') {
      const problem = `The settings file ${path} cannot be read (${messageOf(error)}). Correct --config or ${configFileVariable.env}, or make it readable.`
      return { kind: 'problems', problems: [problem] }
    }
  }
  return configFrom({ environment, file, workingFolder })
}
