import { eq, isNull } from 'drizzle-orm'
import t from 'tap'
import { ensureBootstrapToken } from '../../src/bootstrap/token.ts'
import { journalEvents, singleUseTokens, staffMembers, users } from '../../src/database/tables.ts'
import { openTestApp, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { person, staff } from '../fixtures/cast.ts'
import { alike, holdHashing, password, signIn, waitingForHash } from '../fixtures/passwords.ts'

const open = (test: TestApp, token: string | null, rest: object = {}): Promise<Sent> =>
  send(test, 'POST', '/v1/bootstrap', { body: { token, name: 'Ada', address: 'ada@provider.example', password, ...rest } })

t.test('the first admin', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const known = await person(test, 'Known')
  const endAdmins = () => db.update(staffMembers).set({ endedAt: new Date() }).where(isNull(staffMembers.endedAt))

  await t.test('is made with the token of the start that was last, and no other', async (t) => {
    const first = await ensureBootstrapToken(test.context)
    const second = await ensureBootstrapToken(test.context)
    t.match(second, /^[\w-]{43}$/)
    t.not(second, first)
    const rows = await db.select().from(singleUseTokens)
    t.notMatch(JSON.stringify(rows), new RegExp(`${first}|${second}`), 'only its hash is kept')
    const before = await db.$count(users)
    const unknown = await open(test, 'A'.repeat(43))
    t.match(unknown, { status: 403, body: { code: 'not_authorised' } })
    t.notOk(unknown.body.reason)
    t.strictSame(alike(await open(test, first)), alike(unknown), 'one that was replaced')
    t.equal((await open(test, second, { password: 'short' })).status, 422)
    t.equal((await open(test, second, { address: 'nonsense' })).status, 422)
    t.match(await open(test, second, { address: known.address }), { status: 409, body: { code: 'conflict' } })
    t.equal(await db.$count(users), before, 'and nothing was written')
    const made = await open(test, second)
    t.match(made, { status: 201, body: { user: { name: 'Ada' }, staff: { role: 'admin' } } })
    const { id } = made.body.user
    t.equal(made.headers['location'], `/v1/users/${id}`)
    t.match(await db.select().from(staffMembers), [{ userId: id, role: 'admin', givenBy: null, endedAt: null }])
    const events = await db.select().from(journalEvents).where(eq(journalEvents.actorUserId, id)).orderBy(journalEvents.id)
    t.strictSame(
      events.map(({ kind }) => kind),
      ['user.created', 'address.proven', 'service.bootstrapped', 'staff.given'],
    )
    t.strictSame(alike(await open(test, second)), alike(unknown), 'once')
    const session = await signIn(test, 'ada@provider.example')
    t.equal((await send(test, 'GET', `/v1/users/${id}`, { token: session.body.accessToken })).status, 200)
  })

  await t.test('is the only one made so', async (t) => {
    t.equal(await ensureBootstrapToken(test.context), null)
    await endAdmins()
    const again = await ensureBootstrapToken(test.context)
    t.ok(again, 'without an active admin there is a way back')
    await staff(test, 'Another', 'admin')
    t.equal((await open(test, again, { address: 'eve@provider.example' })).status, 403, 'which closes when there is one')
    t.equal(await db.$count(users, eq(users.name, 'Ada')), 1)
  })

  await t.test('a token has an end', async (t) => {
    await endAdmins()
    const token = await ensureBootstrapToken(test.context)
    test.clock.advance(24 * 3_600_000)
    t.equal((await open(test, token, { address: 'late@provider.example' })).status, 403)
  })

  await t.test('two at once are one', async (t) => {
    const token = await ensureBootstrapToken(test.context)
    const release = holdHashing()
    const both = ['one', 'two'].map((name) => open(test, token, { name, address: `${name}@provider.example` }))
    await waitingForHash(2)
    release()
    t.strictSame((await Promise.all(both)).map(({ status }) => status).sort(), [201, 403])
  })
})
