/** `npm run build:console`: builds dist/console if its sources have changed; ends with 1 when it cannot be built. */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildConsole } from './console-build.js'
import { endWith } from './handover.js'
import { SetupProblem } from './installation.js'

try {
  await buildConsole(path.dirname(path.dirname(fileURLToPath(import.meta.url))))
} catch (error) {
  endWith(error, error instanceof SetupProblem)
}
