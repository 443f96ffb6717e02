/** Accounts hear that something waits: soon, once a day, and in a letter that decides nothing. */
import { eq, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { contacts, submissions, throttles } from '../../src/database/tables.ts'
import { announceSubmissions } from '../../src/intake/announce.ts'
import { send } from '../fixtures/app.ts'
import { account, domain, person, submission } from '../fixtures/cast.ts'
import { mailbox } from '../fixtures/mail.ts'
import { manyAccounts, planned } from '../fixtures/plan.ts'
import { dayMs, setStage } from './stage.ts'

const stage = await setStage(t)
const { test, a, people, more } = stage
const { db } = test.context
const never = new AbortController().signal

/** What the job makes of what waits, by recipient. */
async function letters(): Promise<string[]> {
  await announceSubmissions(test.context)({}, never)
  return (await mailbox(test)).map(({ to }) => to).sort()
}

t.test('who may decide is told once a day, however much comes, and never refused', async (t) => {
  t.strictSame(await letters(), [], 'nothing waits')
  for (const name of ['C-0', 'C-00']) await submission(test, people.stranger, name, 'alpha.example')
  await submission(test, people.stranger, a.number, 'beta.example')
  t.strictSame(await letters(), [], 'and what is for nobody is told to nobody')
  for (let count = 0; count < 5; count++) await submission(test, await person(test, 'Some One'), a.number, 'alpha.example')
  const both = [people.owner.address, people.manager.address].sort()
  t.strictSame(await letters(), both, 'owner and manager; to one who is limited to another domain it is withheld')
  await db.delete(throttles)
  t.equal((await stage.submit('stranger', { domain: 'deep.alpha.example' })).status, 202, 'what comes is held all the same')
  t.strictSame(await letters(), [], 'not twice a day')
  await stage.wait(dayMs)
  t.strictSame(await letters(), [...both, more.keeperOfDeep.address].sort(), 'the next day all that came since is one letter')
  await stage.wait(dayMs)
  t.strictSame(await letters(), [], 'and nothing new is no letter')
})

t.test('muted, decided, over, or of an account that is not open: no letter', async (t) => {
  await stage.wait(dayMs)
  const muted = await person(test, 'Mo Muted')
  await stage.mute('owner', await submission(test, muted, a.number, 'alpha.example'))
  await submission(test, muted, a.number, 'alpha.example')
  const before = test.clock.now()
  await submission(test, people.stranger, a.number, 'alpha.example', {
    arrivedAt: new Date(before - 15 * dayMs),
    endsAt: new Date(before - dayMs),
  })
  const shut = await account(test, 'Shut Ltd', 'restricted')
  await domain(test, shut, 'shut.example')
  await submission(test, people.stranger, shut.number, 'shut.example')
  t.strictSame(await letters(), [])
  await submission(test, people.stranger, a.number, 'alpha.example')
  await announceSubmissions(test.context)({}, never)
  await db
    .update(submissions)
    .set({ verdict: 'declined', decidedAt: new Date(test.clock.now()) })
    .where(eq(submissions.statedAccount, a.number))
  t.strictSame(await mailbox(test), [], 'what was decided meanwhile is withheld')
})

t.test('consent is never in the mail: whoever reads the owner’s mailbox can decide nothing', async (t) => {
  await stage.wait(2 * dayMs)
  const id = (await stage.submit('stranger', { subject: 'Let me in', message: 'Please' })).body.id
  await announceSubmissions(test.context)({}, never)
  const [mail] = (await mailbox(test)).filter(({ to }) => to === people.owner.address)
  const text = mail?.text ?? ''
  t.match(text, `/v1/accounts/${a.number}/submissions`)
  t.notMatch(text, /Let me in|Please|Sam Stranger/, 'no word of the submitter')
  t.notMatch(text, new RegExp(id), 'no submission')
  t.notMatch(text.replaceAll(/https?:\S+/g, ''), /[A-Za-z0-9_-]{16,}|\b[A-Z0-9]{8}\b|\b\d{6,8}\b/, 'no secret, no code')

  // The former developer still runs the mail of the domain; he has a user of his own, and had a grant.
  await db.execute(sql`update grants set status = 'revoked', ended_at = now() where id = ${stage.grants.developer}`)
  const before = await stage.rows('journal_events')
  t.equal((await stage.approve('developer', id)).status, 404)
  t.equal((await send(test, 'POST', `${stage.base}/${id}/approve`, { ifMatch: 1, body: { consent: 'this_ticket' } })).status, 401)
  for (const word of text.split(/\s+/)) {
    if (!/^[\x21-\x7e]{8,200}$/.test(word)) continue
    t.equal(
      (await send(test, 'POST', `${stage.base}/${id}/approve`, { token: word, ifMatch: 1, body: { consent: 'this_ticket' } })).status,
      401,
      word,
    )
  }
  t.strictSame(await stage.rows('journal_events'), before, 'and nothing was written')
})

t.test('the submitter who was accepted is told, at an address he has proven', async (t) => {
  const id = await submission(test, people.stranger, a.number, 'alpha.example')
  t.equal((await stage.approve('owner', id)).status, 200)
  const told = (await mailbox(test)).filter(({ to }) => to === people.stranger.address)
  t.match(told, [{ subject: `What you submitted was accepted for account ${a.number}`, text: new RegExp(`/v1/submissions/${id}`) }])
  await db.update(contacts).set({ confirmedAt: null }).where(eq(contacts.userId, people.manager.id))
  await stage.wait(2 * dayMs)
  await submission(test, people.otherOwner, a.number, 'alpha.example')
  t.strictSame(await letters(), [people.owner.address], 'one who waits for an owner’s yes decides nothing, and is not told')
})

t.test('the accounts are found by their keys, however many there are, by number or id', async (t) => {
  await stage.wait(dayMs)
  await manyAccounts(db)
  const watched = planned(db)
  for (const stated of [a.id, uuid(), 'C-0']) await submission(test, people.stranger, stated, 'alpha.example')
  await announceSubmissions({ ...test.context, db: watched.db })({}, never)
  t.match(watched.plans, [/accounts_pkey/])
  t.notMatch(watched.plans, [/Seq Scan on (accounts|account_numbers)/])
  t.ok(
    (await mailbox(test)).some(({ to }) => to === people.owner.address),
    'who is named by id hears of it',
  )
})
