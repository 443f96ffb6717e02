/**
 * C5 with a stopwatch: asking for a grant takes the same time with the right code and a wrong one, on an account that exists and on one
 * that does not; so does every refusal of a stranger, with the counting of it. And not by chance: the same statements are sent.
 */
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { countStrangers } from '../../src/authority/strangers.ts'
import { providerAccountId, refusedAttempts, throttles } from '../../src/database/tables.ts'
import type { Sent } from '../fixtures/app.ts'
import { send } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'
import { quiet } from '../fixtures/database.ts'
import { comparable } from '../fixtures/ledger.ts'
import { type Case, demandEqual, demandSeen } from '../fixtures/stopwatch.ts'
import { setDesk } from '../grants/stage.ts'
import { listen } from '../races/arena.ts'

t.setTimeout(120_000)

const desk = await setDesk(t)
const { test, a, owner, one, ask } = desk
const { db } = test.context
const wire = listen(test.opened)
const stranger = await person(test, 'Sam Stranger')
const invented = { account: 'C-0', domains: ['invented.example'] }

/** What an act sends to the database, by its text; without what a timer writes in the meantime. */
async function statementsOf(act: Case, byTimer: RegExp | undefined): Promise<string[]> {
  const texts: string[] = []
  wire.watch = (text) => void texts.push(text)
  await act()
  wire.watch = undefined
  return texts.filter((text) => byTimer === undefined || !byTimer.test(text))
}

async function demandSameWork(t: Test, cases: readonly Case[], byTimer?: RegExp): Promise<void> {
  for (const act of cases) await act()
  const [first, ...others] = await inTurn(cases.map((act) => () => statementsOf(act, byTimer)))
  t.ok(first?.length, 'something is asked of the database')
  for (const texts of others) t.strictSame(texts, first, 'and the same in every case')
}

async function inTurn<T>(acts: readonly (() => Promise<T>)[]): Promise<T[]> {
  const all: T[] = []
  for (const act of acts) all.push(await act())
  return all
}

t.test('asking for a grant with the right code, with a wrong one, and of an account that does not exist', async (t) => {
  // Otherwise the twentieth has to wait.
  const before = () => db.delete(throttles)
  const asking = [{}, { requestCode: 'x'.repeat(43) }, { ...invented, requestCode: 'x'.repeat(43) }].map((change) => async () => {
    const sent = await ask(change)
    if (sent.status !== 202) throw new Error(sent.text)
  })
  await before()
  await demandSameWork(t, asking)
  await demandEqual(t, asking, { before })
  await demandSeen(t, asking[0] as Case, { before })
})

t.test('the counting of what a stranger is refused', async (t) => {
  const caller = { userId: stranger.id, clientId: null }
  const counting = [{ number: a.number }, { number: 'C-0' }, { id: a.id }, { id: uuid() }].map((account) => async () => {
    const strangers = countStrangers({ db, clock: test.clock, log: quiet, delayMs: 3_600_000 })
    strangers.note(caller, account)
    await strangers.stop()
  })
  await demandSameWork(t, counting)
  await demandEqual(t, counting)
})

t.test('what a stranger is told about an account that exists and about one that does not', async (t) => {
  const body = (account: string, domain: string) => ({ account, domain, topic: 'other', subject: 'It broke', message: 'Since noon.' })
  const opening = (account: string, domain: string) =>
    send(test, 'POST', '/v1/tickets', { token: stranger.token, key: true, body: body(account, domain) })
  const reading = (url: string) => send(test, 'GET', url, { token: stranger.token })
  const ticket = (await send(test, 'POST', '/v1/tickets', { token: owner.token, key: true, body: body(a.number, one.name) })).body.id
  const told: Record<string, [real: () => Promise<Sent>, invented: () => Promise<Sent>]> = {
    'opening a ticket': [() => opening(a.number, one.name), () => opening('C-0', 'invented.example')],
    'reading a ticket': [() => reading(`/v1/tickets/${ticket}`), () => reading(`/v1/tickets/${uuid()}`)],
    'reading the account': [() => reading(`/v1/accounts/${a.number}`), () => reading('/v1/accounts/C-0')],
    'listing its tickets': [() => reading(`/v1/tickets?account=${a.number}`), () => reading('/v1/tickets?account=C-0')],
    'listing its tickets, by id': [() => reading(`/v1/tickets?account=${a.id}`), () => reading(`/v1/tickets?account=${uuid()}`)],
  }
  const noTickets = JSON.stringify({ items: [], nextCursor: null })
  for (const [what, cases] of Object.entries(told)) {
    await t.test(what, async (t) => {
      const [real, none] = await inTurn(cases)
      t.ok(real && (what.startsWith('listing') ? real.text === noTickets : [403, 404].includes(real.status)))
      t.strictSame(comparable(real as Sent), comparable(none as Sent))
      await demandSameWork(t, cases, /insert into refused_attempts/)
      await demandEqual(t, cases)
    })
  }
  await counted(t)
})

/** Beside the way of the replies, on a timer that the embedded database lets come to its turn only when nothing is asked of it. */
async function counted(t: Test): Promise<void> {
  const seen = async () => new Set((await db.select().from(refusedAttempts)).map(({ accountId }) => accountId))
  let accounts = await seen()
  for (const end = performance.now() + 10_000; accounts.size < 2 && performance.now() < end; accounts = await seen())
    await new Promise(setImmediate)
  t.strictSame(accounts, new Set([a.id, providerAccountId]), 'both were counted meanwhile')
}
