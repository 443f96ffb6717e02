/**
 * Writes openapi/openapi.json from the routes; with `--check` only says whether it is what they say. It needs no database: describing a
 * route runs none.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createApp } from './app.ts'
import type { Context } from './authority/context.ts'
import { systemClock } from './clock.ts'
import { readConfig } from './config.ts'
import type { Keys } from './http/keys.ts'
import { describe } from './http/openapi.ts'

const context = { clock: systemClock, config: readConfig({}) } as Context
const app = await createApp({ context, keys: {} as Keys, ready: async () => false, secret: Buffer.alloc(32), logger: false })
const text = `${JSON.stringify(describe(app), null, 2)}\n`
await app.close()

const path = fileURLToPath(new URL('../openapi/openapi.json', import.meta.url))
if (!process.argv.includes('--check')) writeFileSync(path, text)
else if (readFileSync(path, 'utf8') !== text) {
  console.error('openapi/openapi.json is not what the routes say: npm run describe')
  process.exitCode = 1
}
