/** How often a request goes to the database and back: that, and not the work there, is what it costs. */
import t from 'tap'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { listen } from './arena.ts'

t.test('a ticket is opened in three round trips at most, read and listed in two', async (t) => {
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

  const trips = async (most: number, name: string, status: number, method: string, url: string, request: Request) => {
    const before = wire.sent
    const reply = await send(test, method, url, request)
    const sent = wire.sent - before
    t.equal(reply.status, status, name)
    t.ok(sent > 0 && sent <= most, `${name}: ${sent} of ${most}`)
    return reply
  }
  const body = (on: string | null) => ({ account: a.number, domain: on, topic: 'other', subject: 'It broke', message: 'Since noon.' })
  const open = (name: string, { token }: { token: string }, on: string | null, status = 201, key: string | true = true) =>
    trips(3, name, status, 'POST', '/v1/tickets', { token, key, body: body(on) })

  const { body: ticket } = await open('a contact opens one', owner, 'free.example', 201, 'again')
  await open('and sends it again', owner, 'free.example', 201, 'again')
  await open('a contact opens one about no domain', owner, null)
  await open('a developer opens one', developer, 'free.example')
  await open('a developer opens one of a few', developer, 'counted.example')
  await open('an agent opens one', agent, 'free.example')
  await open('a stranger is refused', stranger, 'free.example', 403)
  await open('a developer is refused, which is recorded', developer, null, 403)
  for (const [name, { token }] of Object.entries({ owner, developer, agent })) {
    const seen = name === 'developer' ? 404 : 200
    await trips(2, `${name} reads`, seen, 'GET', `/v1/tickets/${ticket.id}`, { token })
    await trips(2, `${name} lists`, 200, 'GET', '/v1/tickets', { token })
    await trips(2, `${name} lists one account`, 200, 'GET', `/v1/tickets?account=${a.number}&limit=1`, { token })
    await trips(2, `${name} reads the messages`, seen, 'GET', `/v1/tickets/${ticket.id}/messages`, { token })
  }
  await trips(3, 'a reply', 201, 'POST', `/v1/tickets/${ticket.id}/messages`, { token: owner.token, key: true, body: { body: 'More.' } })
  await trips(3, 'a closing', 200, 'POST', `/v1/tickets/${ticket.id}/close`, { token: owner.token, ifMatch: 2 })
})
