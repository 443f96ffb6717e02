import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { type Answer, KeyTaken, keyLifeMs, type Repeatable, storeAnswer, takeKey } from '../../src/database/idempotency.ts'
import { idempotencyKeys } from '../../src/database/tables.ts'
import { openTestDatabase, serverUrl } from '../fixtures/database.ts'

const { db } = await openTestDatabase(t)
const now = Date.parse('2026-03-01T12:00:00Z')
const repeatable = (rest: Partial<Repeatable> = {}): Repeatable => ({
  principalId: uuid(),
  key: 'one',
  fingerprint: Buffer.from('abc'),
  ...rest,
})
const stored = async ({ principalId }: Repeatable) => db.select().from(idempotencyKeys).where(eq(idempotencyKeys.principalId, principalId))

t.test('a key is taken once, for 24 hours', async (t) => {
  const one = repeatable()
  await takeKey(db, one, now)
  const again = await takeKey(db, one, now + keyLifeMs - 1).catch((error: unknown) => error)
  t.type(again, KeyTaken)
  t.equal((await stored(one)).length, 1)
  await takeKey(db, { ...one, fingerprint: Buffer.from('def') }, now + keyLifeMs)
  t.match(
    await stored(one),
    [{ fingerprint: Buffer.from('def'), createdAt: new Date(now + keyLifeMs), status: null, body: null }],
    'then anew',
  )
  await takeKey(db, { ...one, key: 'two' }, now)
  await takeKey(db, repeatable(), now)
  t.equal((await stored(one)).length, 2, 'other keys and other principals are others')
})

t.test('the answer goes with it: whole, without its secret where it has one, or empty', async (t) => {
  const made = { action: 'ticket.read', staffAction: null, account: uuid(), ticket: null }
  const cases: [Answer, object][] = [
    [
      { status: 201, headers: { etag: '"v1"' }, body: { b: 1, a: [null, 'ä'] }, made },
      { status: 201, headers: { etag: '"v1"' }, body: { b: 1, a: [null, 'ä'] }, made },
    ],
    [
      { status: 200, body: { token: 'canary' }, storedBody: { token: null } },
      { status: 200, headers: {}, body: { token: null }, made: null },
    ],
    [{ status: 204 }, { status: 204, headers: {}, body: null, made: null }],
  ]
  for (const [answer, expected] of cases) {
    const one = repeatable()
    await db.transaction(async (tx) => {
      await takeKey(tx, one, now)
      await storeAnswer(tx, one, answer)
    })
    const rows = await stored(one)
    t.match(rows, [expected])
    t.notMatch(JSON.stringify(rows), /canary/)
  }
})

t.test('a key that was taken anew has nothing left of its old answer', async (t) => {
  const one = repeatable()
  await takeKey(db, one, now)
  await storeAnswer(db, one, {
    status: 201,
    headers: { etag: '"v1"' },
    body: { old: true },
    made: { action: 'x', staffAction: null, account: null, ticket: null },
  })
  await takeKey(db, one, now + keyLifeMs)
  t.match(await stored(one), [{ status: null, headers: null, body: null, made: null }])
})

t.test('an effect that fails gives its key back', async (t) => {
  const one = repeatable()
  const failed = db.transaction(async (tx) => {
    await takeKey(tx, one, now)
    throw new Error('no effect')
  })
  await t.rejects(failed, { message: 'no effect' })
  t.strictSame(await stored(one), [])
})

t.test(
  'a wait for the twin that takes too long is told as such',
  { skip: serverUrl === undefined && 'needs TEST_DATABASE_URL' },
  async (t) => {
    const one = repeatable()
    await db.transaction(async (tx) => {
      await takeKey(tx, one, now)
      const twin = db.transaction(async (other) => {
        await other.execute('set local lock_timeout = 20')
        await takeKey(other, one, now)
      })
      await t.rejects(twin, { code: 'idempotency_in_progress', headers: { 'retry-after': '1' } })
    })
  },
)

t.test('any other failure is its own', async (t) => {
  const broken = db.transaction((tx) => takeKey(tx, repeatable({ principalId: 'no uuid' }), now))
  await t.rejects(broken, { cause: { code: '22P02' } })
})
