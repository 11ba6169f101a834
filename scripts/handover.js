/**
 * Hands this process over to a command, as far as Node 18 can: same input and output, signals passed on, same ending.
 * Plain JavaScript without dependencies, for the same reason as installation.js.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import path from 'node:path'

/** Never returns: ends this process as the command ended. `node` comes first on the command's PATH. */
export function handOver(node, root, command, commandArguments) {
  const tools = [path.dirname(node), path.join(root, 'node_modules', '.bin')]
  const child = spawn(command === 'node' ? node : command, commandArguments, {
    stdio: 'inherit',
    env: {
      // What was compiled once starts twice as fast, and without the compiler that strips types in memory.
      NODE_COMPILE_CACHE: path.join(root, 'node_modules', '.cache', 'sluice'),
      ...process.env,
      PATH: [...tools, process.env.PATH].join(path.delimiter),
    },
  })
  // A terminal sends Ctrl-C to the command itself; passing it on would make two of it.
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal === 'SIGTERM' || !hasTerminal) child.kill(signal)
    })
  }
  child.once('error', (error) => {
    process.stderr.write(`sluice: ${command} cannot be run: ${error.message}\n`)
    process.exit(127)
  })
  child.once('exit', (code, signal) => {
    process.exit(code ?? 128 + constants.signals[signal])
  })
}

/** For the entry files: a problem that explains itself needs no stack. */
export function endWith(error, isExpected) {
  process.stderr.write(`sluice: ${isExpected ? error.message : error.stack}\n`)
  process.exit(1)
}
