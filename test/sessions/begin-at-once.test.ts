import { eq } from 'drizzle-orm'
import t from 'tap'
import { users } from '../../src/database/tables.ts'
import { beginAtOnce } from '../../src/sessions/begin-at-once.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'
import { givePassword, password } from '../fixtures/passwords.ts'
import { countRows } from '../fixtures/rows.ts'

const test = await openTestApp(t)
const { context } = test
const revisionOf = async (id: string): Promise<number> => {
  const [row] = await context.db.select({ revision: users.authorityRevision }).from(users).where(eq(users.id, id))
  return row?.revision as number
}

t.test('a session begins in one statement only while what was read of the user still stands', async (t) => {
  const { id: userId } = await person(test, 'Ada')
  const revision = await revisionOf(userId)
  const who = { userId, method: 'password', requestId: 'here' } as const
  const now = test.clock.now()
  const before = await countRows(context.db)
  t.equal(await beginAtOnce(context, { ...who, revision: revision - 1 }, now), undefined)
  t.equal(await beginAtOnce(context, { ...who, revision: revision + 1 }, now), undefined)
  t.strictSame(await countRows(context.db), before, 'nothing is written')
  const begun = await beginAtOnce(context, { ...who, revision }, now)
  t.match(begun, { method: 'password', authenticatedAt: now, refreshToken: /^mdt_rt_/ })
  t.equal(await revisionOf(userId), revision + 1, 'as every act that alters authority')
  t.equal(await beginAtOnce(context, { ...who, revision }, now), undefined, 'so what was read before stands no more')
  const after = await countRows(context.db)
  const more = Object.keys(after).filter((table) => after[table as never] !== before[table as never])
  t.strictSame(more.sort(), ['journal_events', 'refresh_tokens', 'sessions'])
})

t.test('it is the session that a transaction would have begun', async (t) => {
  const [quick, slow] = [await person(test, 'Quick'), await person(test, 'Slow')]
  await givePassword(test, quick, slow)
  const signIn = ({ address }: { address: string }) => send(test, 'POST', '/v1/sessions', { body: { address, password } })
  const first = await signIn(quick)
  // Two at once have read the same revision: the second begins in a transaction.
  const both = await Promise.all([signIn(slow), signIn(slow)])
  for (const { status, body } of [first, ...both]) {
    t.equal(status, 201)
    const token = body.accessToken
    t.match(
      (await send(test, 'GET', '/v1/sessions', { token })).body.items.filter((one: { current: boolean }) => one.current),
      [{ id: body.session.id, kind: 'person', method: 'password', level: 'one_factor', expiresAt: body.session.expiresAt }],
    )
    const renewal = { headers: { 'content-type': 'application/x-www-form-urlencoded' } }
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: body.refreshToken }).toString()
    t.equal((await send(test, 'POST', '/oauth/token', { ...renewal, body: form })).status, 200, 'its refresh token is good')
  }
  t.not(both[0]?.body.session.id, both[1]?.body.session.id)
})
