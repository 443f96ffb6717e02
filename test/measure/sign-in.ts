/**
 * Whether signing in starves the rest: the time a ticket read takes over a real socket while 24 people keep signing in, against the same
 * reads in quiet, by turns, so that what else the machine does falls on both alike. Run by hand, best where nothing else runs:
 *
 *     node --liftoff-only test/measure/sign-in.ts [seconds]
 *
 * It measures the embedded database, or PostgreSQL where TEST_DATABASE_URL names one.
 */
import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, person } from '../fixtures/cast.ts'
import { givePassword, password } from '../fixtures/passwords.ts'

const parallel = 24
const seconds = Number(parseArgs({ allowPositionals: true }).positionals[0] ?? 4)
const turns = 4
const bar = 3

const ends: (() => unknown)[] = []
const test = await openTestApp({ teardown: (end: () => unknown) => ends.unshift(end) } as Parameters<typeof openTestApp>[0])
const owner = await person(test, 'Olga Owner')
const people = await Promise.all(Array.from({ length: parallel }, (_, index) => person(test, `Person ${index}`)))
await givePassword(test, ...people)
const a = await account(test, 'Alpha Ltd')
const d = await domain(test, a, 'alpha.example')
await contact(test, a, owner, 'owner')
const body = { account: a.id, domain: d.name, topic: 'other', subject: 'It broke', message: 'Since noon.' }
const { id } = (await send(test, 'POST', '/v1/tickets', { token: owner.token, key: true, body })).body
await test.app.listen({ host: '127.0.0.1', port: 0 })
const { port } = test.app.server.address() as AddressInfo
const reader = new Agent({ keepAlive: true, maxSockets: 1 })

function call(agent: Agent, method: string, path: string, headers: Record<string, string>, payload = ''): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, port, host: '127.0.0.1', method, path, headers }, (reply) => {
      reply.resume().on('end', () => resolve(reply.statusCode as number))
    })
    sent.on('error', reject).end(payload)
  })
}

/** Reads one after the other and returns how long each took, in ms. */
async function reads(): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const start = performance.now()
    const status = await call(reader, 'GET', `/v1/tickets/${id}`, { authorization: `Bearer ${owner.token}` })
    if (status !== 200) throw new Error(`a read was answered ${status}`)
    times.push(performance.now() - start)
  }
  return times
}

/** The time that this part of them took at most. */
function at(times: readonly number[], part: number): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length * part)] as number
}

let signingIn = false
const statuses = new Map<number, number>()
async function signInAgain(agent: Agent, address: string): Promise<void> {
  const json = JSON.stringify({ address, password })
  while (signingIn) {
    const status = await call(agent, 'POST', '/v1/sessions', { 'content-type': 'application/json' }, json)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
}

async function busyReads(): Promise<number[]> {
  signingIn = true
  // Of this turn alone: one that is idle for a turn is closed by the service.
  const agent = new Agent({ keepAlive: true, maxSockets: parallel })
  const others = people.map(({ address }) => signInAgain(agent, address))
  const times = await reads()
  signingIn = false
  await Promise.all(others)
  agent.destroy()
  return times
}

const quiet: number[] = []
const busy: number[] = []
await reads() // warm
for (let turn = 0; turn < turns; turn++) {
  quiet.push(...(await reads()))
  busy.push(...(await busyReads()))
}

const row = (name: string, times: readonly number[]) =>
  `${name.padEnd(8)} ${String(times.length).padStart(6)} reads   p50 ${at(times, 0.5).toFixed(1)} ms   p99 ${at(times, 0.99).toFixed(1)} ms`
const ratio = at(busy, 0.99) / at(quiet, 0.99)
console.log(test.opened.kind)
console.log(row('quiet', quiet))
console.log(row('busy', busy))
console.log(`sign-ins ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}`)
console.log(`p99 ratio ${ratio.toFixed(2)}, the bar is ${bar}`)
reader.destroy()
for (const end of ends) await end()
process.exitCode = ratio <= bar ? 0 : 1
