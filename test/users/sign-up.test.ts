import { eq, sql } from 'drizzle-orm'
import t from 'tap'
import { addresses, journalEvents, singleUseTokens, throttles, users } from '../../src/database/tables.ts'
import { openTestApp, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'
import { mailbox, tokenIn, tokenMailedTo } from '../fixtures/mail.ts'
import { alike, holdHashing, password, signIn, waitingForHash, wrongPassword } from '../fixtures/passwords.ts'

const ask = (test: TestApp, address: string, rest: object = {}): Promise<Sent> =>
  send(test, 'POST', '/v1/users', { body: { name: 'Anna Meyer', address, password, ...rest } })
const prove = (test: TestApp, token: string, secret = password): Promise<Sent> =>
  send(test, 'POST', '/v1/users/proofs', { body: { token, password: secret } })
const people = ({ context: { db } }: TestApp) => db.$count(users)

t.test('signing up', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const known = await person(test, 'Known')
  t.beforeEach(() => db.delete(throttles))

  await t.test('a mail goes to the address, and its token with the chosen password makes the user', async (t) => {
    const before = await people(test)
    const asked = await ask(test, 'Anna@Shop.example')
    t.match(asked, { status: 202, body: { status: 'accepted' } })
    t.equal(await people(test), before, 'nobody yet')
    const mails = await mailbox(test)
    t.strictSame(
      mails.map(({ to }) => to),
      ['anna@shop.example'],
    )
    t.notMatch(`${mails[0]?.subject}${mails[0]?.text}`, /Anna Meyer/, 'what a stranger wrote is not repeated')
    const token = tokenIn(mails[0])
    const proven = await prove(test, token)
    t.equal(proven.status, 201, proven.text)
    const { id } = proven.body.user
    t.strictSame(proven.body, { user: { id, name: 'Anna Meyer' }, address: 'anna@shop.example' })
    t.equal(proven.headers['location'], '/v1/me')
    t.notMatch(proven.text, /accessToken/, 'signs nobody in')
    const [address] = await db.select().from(addresses).where(eq(addresses.userId, id))
    t.match(address, { address: 'anna@shop.example', provenAt: Date })
    const events = await db
      .select({ kind: journalEvents.kind })
      .from(journalEvents)
      .where(eq(journalEvents.actorUserId, id))
      .orderBy(journalEvents.id)
    t.strictSame(
      events.map(({ kind }) => kind),
      ['user.created', 'address.proven'],
    )
    t.equal((await signIn(test, 'anna@shop.example')).status, 201)
    const [spent] = await db.select().from(singleUseTokens).where(eq(singleUseTokens.address, 'anna@shop.example'))
    t.match(spent, { usedAt: Date, name: null, passwordHash: null }, 'the token keeps nothing of it')
    t.equal((await prove(test, token)).status, 403, 'once')
    t.equal(await people(test), before + 1)
  })

  await t.test('an address that has a user gets the same answer, from the same writes', async (t) => {
    const written = async () =>
      Promise.all([
        db.$count(singleUseTokens),
        db.$count(users),
        db.$count(journalEvents),
        db.execute(sql`select count(*)::int as n from pgboss.job`),
      ])
    const change = async (address: string) => {
      const before = (await written()).map((count) => (typeof count === 'number' ? count : Number(count.rows[0]?.['n'])))
      const reply = await ask(test, address)
      const after = (await written()).map((count) => (typeof count === 'number' ? count : Number(count.rows[0]?.['n'])))
      return { reply: alike(reply), written: after.map((count, index) => count - (before[index] ?? 0)) }
    }
    t.strictSame(await change(known.address), await change('nobody@shop.example'))
    const mails = await mailbox(test)
    t.equal(mails.length, 2)
    const told = mails.find(({ to }) => to === known.address)
    t.match(told?.subject, /already/)
    t.throws(() => tokenIn(told), 'and no secret')
    t.strictSame(await mailbox(test), [])
  })

  await t.test('whoever only has the mail makes no user: the password is asked too, and five wrong ones end it', async (t) => {
    await ask(test, 'five@shop.example')
    const token = await tokenMailedTo(test, 'five@shop.example')
    const before = await people(test)
    const unknown = await prove(test, 'A'.repeat(43))
    t.match(unknown, { status: 403, body: { code: 'not_authorised', next: [{ rel: 'again' }] } })
    for (let tries = 0; tries < 5; tries++) t.strictSame(alike(await prove(test, token, wrongPassword)), alike(unknown))
    t.strictSame(alike(await prove(test, token)), alike(unknown), 'the right one comes too late')
    test.clock.advance(59 * 60_000)
    t.strictSame(alike(await prove(test, token)), alike(unknown), 'for as long as the token lives')
    t.equal(await people(test), before, 'and nobody was made')
  })

  await t.test('before that a wrong one does no harm', async (t) => {
    await ask(test, 'four@shop.example')
    const token = await tokenMailedTo(test, 'four@shop.example')
    for (let tries = 0; tries < 4; tries++) t.equal((await prove(test, token, wrongPassword)).status, 403)
    t.equal((await prove(test, token)).status, 201)
  })

  await t.test('a token has an end', async (t) => {
    await ask(test, 'late@shop.example')
    const token = await tokenMailedTo(test, 'late@shop.example')
    test.clock.advance(60 * 60_000)
    t.equal((await prove(test, token)).status, 403)
  })

  await t.test('one that ends, or is used, while the password is checked is not used', async (t) => {
    await ask(test, 'twice@shop.example')
    const token = await tokenMailedTo(test, 'twice@shop.example')
    const release = holdHashing()
    const both = [prove(test, token), prove(test, token)]
    await waitingForHash(2)
    release()
    t.strictSame((await Promise.all(both)).map(({ status }) => status).sort(), [201, 403])
  })

  await t.test('of two sign-ups for one address the first to be proven wins', async (t) => {
    await ask(test, 'two@shop.example')
    const mine = await tokenMailedTo(test, 'two@shop.example')
    await ask(test, 'two@shop.example', { name: 'Somebody Else', password: wrongPassword })
    const theirs = await tokenMailedTo(test, 'two@shop.example')
    t.equal((await prove(test, mine, wrongPassword)).status, 403, "the one's token is of no use with the other's password")
    const before = await people(test)
    t.equal((await prove(test, mine)).status, 201)
    t.equal((await prove(test, theirs, wrongPassword)).status, 403)
    t.equal(await people(test), before + 1, 'and nothing was written')
  })

  await t.test('a mailbox cannot be flooded, alike for what is known and what is not', async (t) => {
    const flood = async (address: string) => {
      for (let free = 0; free < 3; free++) t.equal((await ask(test, address)).status, 202)
      return ask(test, address)
    }
    const refused = await flood(known.address)
    t.match(refused, { status: 429, headers: { 'retry-after': '60' } })
    t.strictSame(alike(await flood('unknown@shop.example')), alike(refused))
    test.clock.advance(60_000)
    t.equal((await ask(test, known.address)).status, 202)
  })

  await t.test('a bad password, name or address is told before anything happens', async (t) => {
    const before = await db.$count(singleUseTokens)
    const fields = async (body: object) => {
      const reply = await ask(test, 'bad@shop.example', body)
      t.equal(reply.status, 422, reply.text)
      return reply.body.errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`)
    }
    t.strictSame(await fields({ password: 'short' }), ['#/password min_length'])
    t.strictSame(await fields({ password: 'bad@shop.example' }), ['#/password guessable'])
    t.strictSame(await fields({ address: 'bad' }), ['#/address format'])
    t.strictSame(await fields({ name: ' ' }), ['#/name pattern'])
    t.strictSame(await fields({ name: 'Two\nlines' }), ['#/name pattern'])
    t.strictSame(await fields({ admin: true }), ['#/admin unknown'])
    t.equal(await db.$count(singleUseTokens), before, 'and nothing was written')
    t.equal(await db.$count(throttles), 0)
  })
})
