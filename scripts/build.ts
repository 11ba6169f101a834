/** `npm run build`: JavaScript in dist/ for publishing, with the SQL beside the code that runs it, and the console. */
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import path from 'node:path'

const root = path.dirname(import.meta.dirname)
const dist = path.join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
cpSync(path.join(root, 'src', 'stores'), path.join(dist, 'stores'), {
  recursive: true,
  filter: (file) => path.extname(file) === '' || file.endsWith('.sql'),
})
execFileSync(process.execPath, [path.join(root, 'scripts', 'build-console.js')], { cwd: root, stdio: 'inherit' })
