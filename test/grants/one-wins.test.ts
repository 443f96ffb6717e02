/** K1 of docs/authority.md: of yes, no and never mind at the same time exactly one wins, whatever order they meet in. */
import { eq, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { grantRequests, journalEvents } from '../../src/database/tables.ts'
import { send } from '../fixtures/app.ts'
import { grant, request } from '../fixtures/cast.ts'
import { together } from '../fixtures/together.ts'
import { setDesk } from './stage.ts'

t.setTimeout(180_000 + Number(process.env['RACE_ROUNDS'] ?? 0) * 1_500)
const few = 25
/** More for CI and for a night. */
const rounds = Math.max(few, Number(process.env['RACE_ROUNDS'] ?? 0))

t.test('K1: at the same time', async (t) => {
  const desk = await setDesk(t)
  const { test, a, one, owner, manager, developer, act, row } = desk
  const kindsOf = async (id: string) =>
    (await test.context.db.select().from(journalEvents).where(eq(journalEvents.resourceId, id)))
      .map(({ kind }) => kind)
      .filter((kind) => kind !== 'grant.requested' && kind !== 'grant.refused')

  /** What a developer asked for, with the right code, and a job has looked at. */
  async function asked(): Promise<{ id: string; asking: string }> {
    const id = await request(test, a, developer, [one])
    const asking = uuid()
    const { actions, reach, expiresAt, createdAt } = await row(id)
    const stated = { account: a.number, domainNames: [one.name], actions, reach, expiresAt, createdAt }
    const settled = { settledAt: createdAt, accountId: a.id, grantId: id }
    await test.context.db.insert(grantRequests).values({ id: asking, userId: developer.id, ...stated, ...settled })
    return { id, asking }
  }

  await t.test('a contact approves, another declines, the developer takes it back', async (t) => {
    const won = new Map<string, number>()
    for (let round = 0; round < rounds; round++) {
      const { id, asking } = await asked()
      const acts = [() => act(owner, id, 'approve', { ifMatch: 1 }), () => act(manager, id, 'decline'), () => desk.cancel(asking)]
      // In every order of setting out.
      const order = [0, 1, 2].map((place) => (place + round) % 3)
      const replies = await together(order.map((place) => acts[place] as (typeof acts)[0]))
      const [approved, declined, cancelled] = [0, 1, 2].map((place) => replies[order.indexOf(place)]?.status)
      await desk.settle()
      const { status } = await row(id)
      won.set(status, (won.get(status) ?? 0) + 1)
      t.match(status, /^(active|declined|cancelled)$/)
      t.equal(approved === 200, status === 'active', `${status}: who approved knows whether he did`)
      if (status === 'active') t.strictSame([declined, cancelled], [409, 409], 'and the others were refused')
      // A developer who takes back what was declined in the same moment is not told so: it would tell him that his code was right.
      else t.equal(declined === 200, status === 'declined')
      t.equal((await kindsOf(id)).length, 1, 'one end or beginning, one event')
      if (status === 'active') await act(owner, id, 'revoke')
    }
    t.comment(JSON.stringify(Object.fromEntries(won)))
  })

  await t.test('a contact approves, and either another declines or the developer takes it back', async (t) => {
    const won = new Map<string, number>()
    for (let round = 0; round < rounds; round++) {
      const { id, asking } = await asked()
      const other = round % 2 === 0 ? () => act(manager, id, 'decline') : () => desk.cancel(asking)
      const acts = [() => act(owner, id, 'approve', { ifMatch: 1 }), other]
      const statuses = (await together(round % 4 < 2 ? acts : acts.toReversed())).map(({ status }) => status).sort()
      t.match(statuses.join(), /^200,(409|412)$/, 'exactly one wins, and the other is told so')
      await desk.settle()
      const { status } = await row(id)
      won.set(status, (won.get(status) ?? 0) + 1)
      t.strictSame(await kindsOf(id), [
        { active: 'grant.approved', declined: 'grant.declined', cancelled: 'grant.cancelled' }[String(status)],
      ])
      if (status === 'active') await act(owner, id, 'revoke')
    }
    t.comment(JSON.stringify(Object.fromEntries(won)))
  })

  await t.test('a contact revokes, another narrows, the developer resigns', async (t) => {
    for (let round = 0; round < few; round++) {
      const id = await grant(test, a, desk.ownerContact, developer, [one])
      const resign = () => send(test, 'POST', `/v1/me/grants/${id}/resign`, { token: developer.token })
      const acts = [
        () => act(owner, id, 'revoke'),
        resign,
        () => act(manager, id, 'narrow', { ifMatch: 1, body: { actions: ['ticket.read'] } }),
      ]
      const order = [0, 1, 2].map((place) => (place + round) % 3)
      const replies = await together(order.map((place) => acts[place] as (typeof acts)[0]))
      const ends = [0, 1].map((place) => replies[order.indexOf(place)]?.status).filter((status) => status === 200)
      t.equal(ends.length, 1, 'one end')
      t.match((await row(id)).status, /^(revoked|resigned)$/)
      t.equal((await kindsOf(id)).filter((kind) => kind !== 'grant.narrowed').length, 1)
    }
  })

  await t.test('and none of them stood in the way of another for good', async (t) => {
    const { rows } = await test.context.db.execute<{ deadlocks: string }>(
      sql`select deadlocks from pg_stat_database where datname = current_database()`,
    )
    t.equal(Number(rows[0]?.deadlocks), 0)
  })
})
