/** T1 of docs/authority.md, at the door: a grant begins and ends to the millisecond. */
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person } from '../fixtures/cast.ts'
import { freezeClock } from '../fixtures/frozen.ts'
import { refusedOf } from '../fixtures/ledger.ts'

t.test('T1: a grant permits from notBefore on and until just before expiresAt', async (t) => {
  const test = await openTestApp(t)
  const setClock = await freezeClock(test)
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const ownerContact = await contact(test, a, await person(test, 'Olga Owner'), 'owner')
  const developer = await person(test, 'Dan Developer')
  const begins = test.clock.now() + 60_000
  const ends = begins + 60_000
  const id = await grant(test, a, ownerContact, developer, [d], {
    actions: ['ticket.create', 'ticket.read', 'domain.read'],
    notBefore: new Date(begins),
    expiresAt: new Date(ends),
  })
  const body = { account: a.number, domain: d.name, topic: 'other', subject: 'Broken', message: 'It broke.' }
  const open = () => send(test, 'POST', '/v1/tickets', { token: developer.token, key: uuid(), body })
  const asked = { account: a.number, topic: 'other' }
  const decision = {
    subject: { type: 'user', id: developer.id },
    action: { name: 'ticket.create' },
    resource: { type: 'domain', id: d.id },
    context: asked,
  }
  const decide = async () => (await send(test, 'POST', '/access/v1/evaluation', { token: developer.token, body: decision })).body.decision
  const path = `/v1/accounts/${a.number}/domains/${d.name}`
  const see = async () => (await send(test, 'GET', path, { token: developer.token })).status

  await setClock(begins - 1)
  t.match(await refusedOf(t, test, open), { status: 403, body: { reason: 'grant_not_yet_valid' } }, '1 ms before it begins')
  t.strictSame([await decide(), await see()], [false, 404])
  await setClock(begins)
  const first = await open()
  t.match(first, { status: 201, body: { openedBy: { via: id } } }, 'at the very beginning')
  t.strictSame([await decide(), await see()], [true, 200])
  await setClock(begins + 1)
  t.equal((await open()).status, 201)
  await setClock(ends - 1)
  t.equal((await open()).status, 201, '1 ms before it ends')
  t.equal((await send(test, 'GET', `/v1/tickets/${first.body.id}`, { token: developer.token })).status, 200)
  t.strictSame([await decide(), await see()], [true, 200])
  await setClock(ends)
  t.match(await refusedOf(t, test, open), { status: 403, body: { reason: 'grant_expired' } }, 'at the very end')
  t.equal((await send(test, 'GET', `/v1/tickets/${first.body.id}`, { token: developer.token })).status, 404)
  t.strictSame([await decide(), await see()], [false, 404])
  await setClock(ends + 1)
  t.match(await refusedOf(t, test, open), { status: 403, body: { reason: 'grant_expired' } })
})
