import { and, eq, isNull } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import {
  accessTokens,
  addresses,
  journalEvents,
  providerAccountId,
  recoveryCodes,
  secondFactors,
  sessions,
  staffMembers,
  users,
} from '../../src/database/tables.ts'
import { send, type TestApp } from '../fixtures/app.ts'
import { person, staff } from '../fixtures/cast.ts'
import { givePassword, password, signIn } from '../fixtures/passwords.ts'
import { openDesk } from './desk.ts'

const chosen = 'a brand-new long password'
const lines = (...answers: string[]) => `${answers.join('\n')}\n`

/** Everything a command could have changed. */
async function rows({ context: { db } }: TestApp): Promise<unknown> {
  return [await db.select().from(users).orderBy(users.id), await db.select().from(staffMembers), await db.$count(journalEvents)]
}

t.test('an admin is made at the console, also where there are others', async (t) => {
  const desk = await openDesk(t)
  const made = await desk.spawn(['admin:create'], lines('Ada Lovelace', ' Ada@Provider.example ', chosen))
  t.strictSame(made, { code: 0, out: 'Ada Lovelace is an admin now and signs in as ada@provider.example.\n', err: '' })
  const second = await desk.run(['admin:create'], lines('Bea', 'bea@provider.example', chosen, 'and a line that nobody asked for'))
  t.equal(second.code, 0, second.err)
  await desk.within(async (test) => {
    const { db } = test.context
    for (const [name, address] of [
      ['Ada Lovelace', 'ada@provider.example'],
      ['Bea', 'bea@provider.example'],
    ] as const) {
      const { status, body } = await signIn(test, address, chosen)
      t.equal(status, 201)
      t.equal((await send(test, 'GET', '/v1/audit-events', { token: body.accessToken })).status, 200, `${name} is an admin`)
      const me = await send(test, 'GET', '/v1/me', { token: body.accessToken })
      t.match(me.body, { name })
    }
    const [owner] = await db.select().from(addresses).where(eq(addresses.address, 'ada@provider.example'))
    t.ok(owner?.provenAt, 'the operator vouches for the address')
    const events = await db.select().from(journalEvents).where(eq(journalEvents.requestId, 'console'))
    t.strictSame(events.map(({ kind }) => kind).sort(), [
      'address.proven',
      'address.proven',
      'staff.given',
      'staff.given',
      'user.created',
      'user.created',
    ])
    for (const event of events) {
      t.match(event, {
        accountId: providerAccountId,
        audience: 'staff',
        actorUserId: null,
        clientId: null,
        capacity: null,
        viaId: null,
        sessionId: null,
        verification: null,
      })
    }
    t.notMatch(JSON.stringify(events), chosen)
  })
})

t.test('what cannot be is refused with one sentence, and nothing is written', async (t) => {
  const desk = await openDesk(t)
  const olga = await desk.within((test) => person(test, 'Olga Owner'))
  const before = await desk.within(rows)
  const refused: [input: string, sentence: string][] = [
    ['', 'There was no answer to "Name", so nothing was changed.'],
    [lines('Ada', 'ada@provider.example'), 'There was no answer to "Password", so nothing was changed.'],
    [lines('  ', 'ada@provider.example', chosen), 'The name must be one line of at most 200 characters that is not blank.'],
    [lines('Ada', 'Ada <ada@provider.example>', chosen), 'The address must be one mail address without spaces or control characters.'],
    [lines('Ada', 'ada@provider.example', 'too short'), 'The password must have at least 12 characters.'],
    [lines('Ada', 'ada@provider.example', 'ada@provider.example'), 'The password must not be the mail address.'],
    [lines('Olga', olga.address, chosen), 'This address belongs to a customer; an admin needs an address of its own.'],
  ]
  for (const [input, sentence] of refused) {
    t.strictSame(await desk.run(['admin:create'], input), { code: 1, out: '', err: `${sentence}\n` })
  }
  t.strictSame(await desk.within(rows), before)
})

t.test('a lost admin gets in again, with nothing of before', async (t) => {
  const desk = await openDesk(t)
  const ada = await desk.within(async (test) => {
    const { db } = test.context
    const lost = await staff(test, 'Ada Admin', 'admin')
    await givePassword(test, lost)
    const createdAt = new Date()
    await db.insert(secondFactors).values({
      id: uuid(),
      userId: lost.id,
      kind: 'totp',
      name: 'Phone',
      sealedSecret: Buffer.alloc(60),
      createdAt,
      confirmedAt: createdAt,
    })
    await db.insert(recoveryCodes).values({ userId: lost.id, codeHash: Buffer.alloc(32), createdAt })
    await db.update(users).set({ status: 'suspended', suspendedAt: createdAt, suspendedReason: 'Lost laptop' }).where(eq(users.id, lost.id))
    return lost
  })
  const said = await desk.run(['admin:create'], lines('Somebody Else', ada.address.toUpperCase(), chosen))
  t.match(said, {
    code: 0,
    out: `The admin of ${ada.address} can sign in with this password; second factors, sessions and tokens of before are gone.\n`,
  })
  await desk.within(async (test) => {
    const { db } = test.context
    t.equal((await signIn(test, ada.address, password)).status, 401, 'the former password is worth nothing')
    t.equal((await send(test, 'GET', '/v1/me', { token: ada.token })).status, 401, 'nor is a token of before')
    const { status, body } = await signIn(test, ada.address, chosen)
    t.equal(status, 201, 'no second factor is asked')
    t.match(body, { user: { id: ada.id, name: 'Ada Admin' } })
    t.equal((await send(test, 'GET', '/v1/audit-events', { token: body.accessToken })).status, 200)
    t.match(await db.select().from(users).where(eq(users.id, ada.id)), [
      { status: 'active', suspendedAt: null, suspendedReason: null, version: 2, authorityRevision: 2 },
    ])
    t.match(await db.select().from(secondFactors), [{ sealedSecret: null, removedAt: Date }])
    t.equal(await db.$count(recoveryCodes), 0)
    const events = await db.select().from(journalEvents).where(eq(journalEvents.requestId, 'console'))
    t.strictSame(events.map(({ kind }) => kind).sort(), ['factor.removed', 'session.ended', 'user.recovered'], 'he had the role all along')
    for (const event of events) t.match(event, { actorUserId: null, capacity: null })
  })
})

t.test('an agent and a former admin become admins', async (t) => {
  const desk = await openDesk(t)
  const [agent, former] = await desk.within(async (test) => {
    const people = [await staff(test, 'Sue Support', 'support'), await staff(test, 'Fay Former', 'admin')] as const
    await test.context.db.update(staffMembers).set({ endedAt: new Date() }).where(eq(staffMembers.userId, people[1].id))
    return people
  })
  for (const { address } of [agent, former]) t.equal((await desk.run(['admin:create'], lines('X', address, chosen))).code, 0)
  await desk.within(async (test) => {
    const { db } = test.context
    for (const { id, address } of [agent, former]) {
      const { body } = await signIn(test, address, chosen)
      t.equal((await send(test, 'GET', '/v1/audit-events', { token: body.accessToken })).status, 200)
      const active = await db
        .select()
        .from(staffMembers)
        .where(and(eq(staffMembers.userId, id), isNull(staffMembers.endedAt)))
      t.match(active, [{ role: 'admin' }], 'one role')
    }
    const kinds = (await db.select().from(journalEvents).where(eq(journalEvents.requestId, 'console'))).map(({ kind }) => kind)
    t.equal(kinds.filter((kind) => kind === 'staff.given').length, 2)
    t.equal(kinds.filter((kind) => kind === 'staff.ended').length, 1, 'a role that had ended does not end again')
    t.equal(await db.$count(sessions, isNull(sessions.endedAt)), 2, 'only the new sign-ins')
    t.equal(await db.$count(accessTokens), 0)
  })
})
