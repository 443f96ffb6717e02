/** K1 of docs/authority.md: of yes, no and never mind at the same time exactly one wins, whatever order they meet in. */

import { eq } from 'drizzle-orm'
import t from 'tap'
import { journalEvents } from '../../src/database/tables.ts'
import { send } from '../fixtures/app.ts'
import { grant, person, request } from '../fixtures/cast.ts'
import { setDesk } from './stage.ts'

t.setTimeout(180_000 + Number(process.env['RACE_ROUNDS'] ?? 0) * 500)
const rounds = 25
/** More for CI and for a night. */
const roundsOfTwo = Math.max(rounds, Number(process.env['RACE_ROUNDS'] ?? 0))

t.test('at the same time', async (t) => {
  const desk = await setDesk(t)
  const { test, a, one, owner, manager, developer, act, row } = desk
  const kindsOf = async (id: string) =>
    (await test.context.db.select().from(journalEvents).where(eq(journalEvents.resourceId, id)))
      .map(({ kind }) => kind)
      .filter((kind) => kind !== 'grant.requested' && kind !== 'grant.refused')

  await t.test('a contact approves, another declines, the developer takes it back', async (t) => {
    const won = new Map<string, number>()
    for (let round = 0; round < rounds; round++) {
      const asker = await person(test, `Asker ${round}`)
      const sent = await desk.ask({}, asker)
      await desk.settle()
      const id = String(await desk.grantOf(sent.body.id))
      const acts = [
        () => act(owner, id, 'approve', { ifMatch: 1 }),
        () => act(manager, id, 'decline'),
        () => desk.cancel(sent.body.id, asker),
      ]
      // In every order of setting out.
      const order = [0, 1, 2].map((place) => (place + round) % 3)
      const replies = await Promise.all(order.map((place) => (acts[place] as (typeof acts)[0])()))
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
    }
    t.comment(JSON.stringify(Object.fromEntries(won)))
  })

  await t.test('a contact approves, another declines', async (t) => {
    for (let round = 0; round < roundsOfTwo; round++) {
      const id = await request(test, a, developer, [one])
      const acts = [() => act(owner, id, 'approve', { ifMatch: 1 }), () => act(manager, id, 'decline')]
      const replies = await Promise.all((round % 2 === 0 ? acts : acts.toReversed()).map((one) => one()))
      t.strictSame(replies.filter(({ status }) => status === 200).length, 1, 'exactly one wins')
      t.ok(replies.every(({ status }) => [200, 409, 412].includes(status)))
      t.equal((await kindsOf(id)).length, 1)
      await act(owner, id, 'revoke')
    }
  })

  await t.test('a contact revokes, another narrows, the developer resigns', async (t) => {
    for (let round = 0; round < rounds; round++) {
      const id = await grant(test, a, desk.ownerContact, developer, [one])
      const resign = () => send(test, 'POST', `/v1/me/grants/${id}/resign`, { token: developer.token })
      const acts = [
        () => act(owner, id, 'revoke'),
        resign,
        () => act(manager, id, 'narrow', { ifMatch: 1, body: { actions: ['ticket.read'] } }),
      ]
      const order = [0, 1, 2].map((place) => (place + round) % 3)
      const replies = await Promise.all(order.map((place) => (acts[place] as (typeof acts)[0])()))
      const ends = [0, 1].map((place) => replies[order.indexOf(place)]?.status).filter((status) => status === 200)
      t.equal(ends.length, 1, 'one end')
      t.match((await row(id)).status, /^(revoked|resigned)$/)
      t.equal((await kindsOf(id)).filter((kind) => kind !== 'grant.narrowed').length, 1)
    }
  })
})
