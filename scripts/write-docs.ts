/** `npm run docs`: writes the pages that are made from the sources. test/tidy.test.ts compares them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { configPage } from '../src/app/config.ts'

const page = path.join(path.dirname(import.meta.dirname), 'docs', 'run', 'settings.md')
mkdirSync(path.dirname(page), { recursive: true })
writeFileSync(page, configPage())
