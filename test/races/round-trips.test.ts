/**
 * How often a request goes to the database and back: that, and not the work there, is what it costs. Each statement is one round trip.
 * The numbers are exact, so that none grows unseen; whoever makes one smaller writes it here.
 */
import t from 'tap'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { givePassword, password } from '../fixtures/passwords.ts'
import { listen } from './arena.ts'

t.setTimeout(90_000)

t.test('the round trips of the routes that are used most', async (t) => {
  const test = await openTestApp(t)
  const wire = listen(test.opened)
  const a = await account(test, 'Alpha Ltd')
  const [free, counted] = [await domain(test, a, 'free.example'), await domain(test, a, 'counted.example')]
  const owner = await person(test, 'Olga Owner')
  const giver = await contact(test, a, owner, 'owner')
  const developer = await person(test, 'Dora Developer')
  const stranger = await person(test, 'Stan Stranger')
  const agent = await staff(test, 'Sue Support', 'support')
  await grant(test, a, giver, developer, [free])
  await grant(test, a, giver, developer, [counted], { maxUses: 5 })

  const trips = async (expected: number, name: string, status: number, method: string, url: string, request: Request) => {
    const before = wire.sent
    const reply = await send(test, method, url, request)
    t.equal(reply.status, status, name)
    t.equal(wire.sent - before, expected, `${name}: ${expected}`)
    return reply
  }
  const body = (on: string | null) => ({ account: a.number, domain: on, topic: 'other', subject: 'It broke', message: 'Since noon.' })
  const open = (expected: number, name: string, { token }: { token: string }, on: string | null, status = 201, key: string | true = true) =>
    trips(expected, name, status, 'POST', '/v1/tickets', { token, key, body: body(on) })

  const { body: ticket } = await open(2, 'a contact opens a ticket', owner, 'free.example', 201, 'again')
  await open(2, 'and sends it again', owner, 'free.example', 201, 'again')
  await open(2, 'a contact opens one about no domain', owner, null)
  await open(2, 'a developer opens one', developer, 'free.example')
  await open(2, 'a developer opens one of a few', developer, 'counted.example')
  await open(2, 'an agent opens one', agent, 'free.example')
  await open(2, 'a developer is refused, which is recorded', developer, null, 403)
  const path = `/v1/tickets/${ticket.id}`
  for (const [name, { token }] of Object.entries({ owner, developer, agent })) {
    const [seen, refusal] = name === 'developer' ? [404, 1] : [200, 0]
    await trips(1 + refusal, `${name} reads`, seen, 'GET', path, { token })
    await trips(2, `${name} lists`, 200, 'GET', '/v1/tickets', { token })
    await trips(2, `${name} lists one account`, 200, 'GET', `/v1/tickets?account=${a.number}&limit=1`, { token })
    await trips(2, `${name} reads the messages`, seen, 'GET', `${path}/messages`, { token })
  }
  const { token } = owner
  await trips(2, 'a reply', 201, 'POST', `${path}/messages`, { token, key: true, body: { body: 'More.' } })
  await trips(2, 'a closing', 200, 'POST', `${path}/close`, { token, ifMatch: 2 })
  await trips(2, 'a reopening', 200, 'POST', `${path}/reopen`, { token, ifMatch: 3 })
  const question = {
    subject: { type: 'user', id: owner.id },
    action: { name: 'ticket.create' },
    resource: { type: 'domain', id: 'free.example' },
    context: { account: a.id, topic: 'website' },
  }
  await trips(1, 'a decision', 200, 'POST', '/access/v1/evaluation', { token, body: question })
  const evaluations = Array.from({ length: 50 }, () => ({}))
  await trips(1, 'a batch of fifty', 200, 'POST', '/access/v1/evaluations', { token, body: { ...question, evaluations } })
  await givePassword(test, owner)
  const signIn = { body: { address: owner.address, password } }
  await trips(6, 'a sign-in', 201, 'POST', '/v1/sessions', signIn)
  // Last: what is counted of strangers is written a little later, by itself.
  await open(1, 'a stranger is refused', stranger, 'free.example', 403)
})

t.test('lists of one account that are asked for in the same moment share the reading of facts', async (t) => {
  const test = await openTestApp(t)
  const wire = listen(test.opened)
  const a = await account(test, 'Alpha Ltd')
  const owner = await person(test, 'Olga Owner')
  await contact(test, a, owner, 'owner')
  const stranger = await person(test, 'Stan Stranger')
  const { token } = owner
  await send(test, 'POST', '/v1/tickets', {
    token,
    key: true,
    body: { account: a.number, domain: null, topic: 'other', subject: 'It broke', message: 'Since noon.' },
  })
  const list = (one: { token: string }, filters: string) => send(test, 'GET', `/v1/tickets?${filters}`, one)
  for (const [filters, sent] of [
    [`account=${a.number}`, 3],
    [`account=${a.id.toUpperCase()}`, 3],
    ['', 4],
  ] as const) {
    const before = wire.sent
    const [his, nothing] = await Promise.all([list(owner, filters), list(stranger, filters)])
    t.equal(wire.sent - before, sent, `${sent} for two lists with ${filters || 'no filter'}`)
    t.strictSame([his.body.items.length, nothing.body.items.length], [1, 0])
  }
})

t.test('who is not signed in any more is told so before anything is said about his body', async (t) => {
  const test = await openTestApp(t)
  const gone = await person(test, 'Gone Guest')
  await test.context.db.execute(`update sessions set ended_at = now() where id = '${gone.session}'`)
  const wrong = { token: gone.token, key: true, body: { nonsense: true } } as const
  for (const url of ['/v1/tickets', '/access/v1/evaluation', '/access/v1/evaluations'])
    t.equal((await send(test, 'POST', url, wrong)).status, 401, url)
  const here = await person(test, 'Here Guest')
  t.equal((await send(test, 'POST', '/v1/tickets', { ...wrong, token: here.token })).status, 422, 'and who is, hears what is wrong with it')
  const question = { subject: { type: 'user', id: gone.id }, action: { name: 'self.read' }, resource: { type: 'user', id: gone.id } }
  t.equal((await send(test, 'POST', '/access/v1/evaluation', { token: gone.token, body: question })).status, 401)
})
