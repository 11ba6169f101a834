#!/usr/bin/env node
/**
 * The command `sluice`, under any Node from 18 on. In a clone it installs what is missing and runs the sources;
 * from a published package it runs what was built from them.
 */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWith, handOver } from '../scripts/handover.js'
import { ensureInstalled, nodeBinary, repairLinks, SetupProblem } from '../scripts/installation.js'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

try {
  const isClone = fs.existsSync(path.join(root, 'src'))
  if (isClone) await ensureInstalled(root)
  // Only a clone has the sources of the console, and only a start serves it.
  if (isClone && process.argv[2] === 'start') {
    await (await import('../scripts/console-build.js')).ensureConsole(root)
  }
  if (!isClone) repairLinks(root)
  handOver(nodeBinary(root), root, 'node', [
    path.join(root, isClone ? 'src/main.ts' : 'dist/main.js'),
    ...process.argv.slice(2),
  ])
} catch (error) {
  endWith(error, error instanceof SetupProblem)
}
