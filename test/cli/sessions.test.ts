import { and, eq, isNull } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { accessTokens, clients, journalEvents, sessions, users } from '../../src/database/tables.ts'
import { send, type TestApp } from '../fixtures/app.ts'
import { account, contact, type Person, person } from '../fixtures/cast.ts'
import { clientToken, panel, panelToken, personalToken, tie } from '../oauth/stage.ts'
import { type Desk, openDesk } from './desk.ts'

type Stage = { olga: Person; bert: Person; tool: string; pat: string; tokens: string[] }

/** Two people – one also through a panel and with a tool – and the panel for itself. */
async function prepare(test: TestApp): Promise<Stage> {
  const olga = await person(test, 'Olga')
  const bert = await person(test, 'Bert')
  const a = await account(test, 'Alpha Ltd')
  await contact(test, a, olga, 'owner')
  const { id: tool, secret: pat } = await personalToken(test, olga.token, { account: a.number })
  const client = await panel(test)
  const throughPanel = await panelToken(test, client, await tie(test, client, olga))
  return { olga, bert, tool, pat, tokens: [olga.token, pat, throughPanel, await clientToken(test, client)] }
}

/** Which of the tokens are still somebody's. */
const alive = (test: TestApp, tokens: string[]) =>
  Promise.all(tokens.map(async (token) => (await send(test, 'GET', '/v1/topics', { token })).status !== 401))

async function stage(t: Test): Promise<[Desk, Stage]> {
  const desk = await openDesk(t)
  const made = await desk.within(async (test) => {
    const people = await prepare(test)
    t.strictSame(await alive(test, [...people.tokens, people.bert.token]), [true, true, true, true, true])
    return people
  })
  return [desk, made]
}

t.test('all sessions and personal access tokens end, whoever has them', async (t) => {
  const [desk, { olga, bert, tool, tokens }] = await stage(t)
  const said = await desk.spawn(['session:end-all'])
  t.strictSame(said, { code: 0, out: '4 sessions and 1 personal access tokens were ended.\n', err: '' })
  await desk.within(async (test) => {
    const { db } = test.context
    t.strictSame(await alive(test, [...tokens, bert.token]), [false, false, false, false, false])
    t.equal(await db.$count(sessions, isNull(sessions.endedAt)), 0)
    t.equal(await db.$count(accessTokens, isNull(accessTokens.revokedAt)), 0)
    const events = await db.select().from(journalEvents).where(eq(journalEvents.requestId, 'console'))
    t.equal(events.filter(({ kind }) => kind === 'session.ended').length, 4)
    t.match(
      events.filter(({ kind }) => kind === 'access_token.revoked'),
      [{ resourceId: tool, actorUserId: null, capacity: null, verification: null, verifiedAt: null }],
    )
    for (const { id } of [olga, bert]) {
      const [row] = await db.select().from(users).where(eq(users.id, id))
      t.ok((row?.authorityRevision ?? 0) > 0, 'a write that was decided before falls')
    }
    t.match(await db.select().from(clients), [{ authorityRevision: 1 }])
  })
  const again = await desk.run(['session:end-all'])
  t.equal(again.out, '0 sessions and 0 personal access tokens were ended.\n', 'repeating it is harmless')
})

t.test('with an address only those of its user end', async (t) => {
  const [desk, { olga, bert, tokens }] = await stage(t)
  const said = await desk.run(['session:end-all', '--user', olga.address.toUpperCase()])
  t.strictSame(said, { code: 0, out: '2 sessions and 1 personal access tokens were ended.\n', err: '' })
  await desk.within(async (test) => {
    t.strictSame(await alive(test, [...tokens, bert.token]), [false, false, false, true, true])
    t.equal(await test.context.db.$count(sessions, and(eq(sessions.userId, bert.id), isNull(sessions.endedAt))), 1)
  })
  const nobody = await desk.run(['session:end-all', '--user=nobody@people.example'])
  t.strictSame(nobody, { code: 1, out: '', err: 'Nobody has proven this address, so nothing was changed.\n' })
  const unreadable = await desk.run(['session:end-all', '--user', 'nobody'])
  t.strictSame(unreadable, { code: 1, out: '', err: 'The address must be a mail address, e.g. anna@shop.example.\n' })
})
