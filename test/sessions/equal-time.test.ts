/**
 * A stopwatch learns nothing from signing in: an unknown address, a wrong password and a suspended user take the same time. Up to 200
 * interleaved rounds, as many as fit into the seconds a test may take, and a second chance. Where other work keeps the machine busy the
 * time on the wall is noise, and then the time this process worked must be the same: a step that one of them leaves out shows in both.
 */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { throttles, users } from '../../src/database/tables.ts'
import { openTestApp, type TestApp } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'
import { givePassword, password, signIn, wrongPassword } from '../fixtures/passwords.ts'

const roundsMost = 200
const secondsMost = 8

/** What a request took on each clock, in milliseconds. */
type Times = { wall: number[]; work: number[] }
type Case = { address: () => string; password: string }

async function measure(test: TestApp, cases: readonly Case[]): Promise<Times[]> {
  const times = cases.map((): Times => ({ wall: [], work: [] }))
  const end = performance.now() + secondsMost * 1000
  for (let round = 0; round < roundsMost && performance.now() < end; round++) {
    // Each comes first in turn, so that what the one before leaves behind falls on all alike.
    for (let place = 0; place < cases.length; place++) {
      const index = (place + round) % cases.length
      const { address, password: secret } = cases[index] as Case
      await test.context.db.delete(throttles)
      const start = performance.now()
      const worked = process.cpuUsage()
      await signIn(test, address(), secret)
      const { user, system } = process.cpuUsage(worked)
      times[index]?.wall.push(performance.now() - start)
      times[index]?.work.push((user + system) / 1000)
    }
  }
  return times
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

function areEqual(medians: readonly number[]): boolean {
  const least = Math.min(...medians)
  return Math.max(...medians) - least <= Math.max(1, least * 0.05)
}

t.test('unknown, wrong and suspended take the same time', async (t) => {
  const test = await openTestApp(t)
  const known = await person(test, 'Known')
  const suspended = await person(test, 'Suspended')
  await givePassword(test, known, suspended)
  await test.context.db.update(users).set({ status: 'suspended' }).where(eq(users.id, suspended.id))
  let made = 0
  const cases: Case[] = [
    { address: () => `unknown.${made++}@people.example`, password: wrongPassword },
    { address: () => known.address, password: wrongPassword },
    { address: () => suspended.address, password },
  ]
  for (const { address, password: secret } of cases) t.equal((await signIn(test, address(), secret)).status, 401)
  let told = ''
  const attempt = async (): Promise<boolean> => {
    const times = await measure(test, cases)
    const clocks = (['wall', 'work'] as const).map((clock) => times.map((time) => median(time[clock])))
    told = `${times[0]?.wall.length} rounds, medians ${JSON.stringify(clocks)} ms`
    return clocks.some(areEqual)
  }
  t.ok((await attempt()) || (await attempt()), told)
  t.comment(told)
})
