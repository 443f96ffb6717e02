/**
 * `npm run demo`: plays the provider's day against a server of its own and ends with exit code 0 only if every answer was the expected
 * one. `--keep` leaves the server running with its people; `--json FILE` writes where it is, who they are and their tokens.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Person, Story } from './client.ts'
import { startServer } from './server.ts'
import { type Ended, play } from './story.ts'

const { values } = readOptions()
const twelveHours = String(12 * 3_600)

const server = await startServer(values.keep ? { ACCESS_TOKEN_SECONDS: twelveHours, STEP_UP_SECONDS: twelveHours } : {})
let failed = 1
try {
  const story = new Story(server.origin)
  const ended = await play(story, server)
  failed = story.rows.filter((row) => !row.as).length
  console.log(`\n${story.rows.length - failed} answers as expected, ${failed} not.`)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(summary(server.origin, ended), null, 2)}\n`, { mode: 0o600 })
  if (values.keep) await keep(ended)
} finally {
  await server.stop()
}
process.exitCode = failed === 0 ? 0 : 1

function readOptions() {
  try {
    return parseArgs({ options: { keep: { type: 'boolean', default: false }, json: { type: 'string' } } })
  } catch (error) {
    console.error(`${(error as Error).message}\nnpm run demo -- [--keep] [--json FILE]`)
    process.exit(2)
  }
}

function summary(origin: string, { people, ids }: Ended) {
  return { origin, people, ids }
}

async function keep({ people, ids }: Ended): Promise<void> {
  console.log(`\nThe server keeps running on ${server.origin} until you press Ctrl-C. Its people:\n`)
  for (const person of Object.values(people)) console.log(`${card(person)}\n`)
  console.log(`Accounts: ${ids['alphaNumber']} (Alpha Ltd), ${ids['betaNumber']} (Beta Ltd). API reference: ${server.origin}/docs`)
  await Promise.race([
    server.ended,
    new Promise<void>((resolve) => process.once('SIGINT', resolve)),
    new Promise<void>((resolve) => process.once('SIGTERM', resolve)),
  ])
}

function card({ name, address, password, token }: Person): string {
  const curl = `curl -s -H 'Authorization: Bearer ${token}' ${server.origin}/v1/me/authority`
  return `${name}\n  signs in as ${address} with ${password}\n  token ${token}\n  ${curl}`
}
