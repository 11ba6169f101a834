/** `npm run client`: writes the types of the API for the console. test/tidy.test.ts compares them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { apiSchemaFile, apiSchemaText } from './api-schema.ts'

const file = path.join(path.dirname(import.meta.dirname), apiSchemaFile)
mkdirSync(path.dirname(file), { recursive: true })
writeFileSync(file, await apiSchemaText())
