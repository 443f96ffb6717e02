import t from 'tap'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'

t.test('opening a ticket', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  await domain(test, a, 'alpha-two.example')
  const owner = await person(test, 'Olga Owner')
  const developer = await person(test, 'Dan Developer')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const ownerContact = await contact(test, a, owner, 'owner')
  await grant(test, a, ownerContact, developer, [a1])
  const body = { account: a.number, domain: 'alpha.example', topic: 'other', subject: 'It broke', message: 'Since noon.' }

  await t.test('an owner opens one', async (t) => {
    const made = await send(test, 'POST', '/v1/tickets', { token: owner.token, key: true, body })
    t.equal(made.status, 201, made.text)
    t.match(made.body, { subject: 'It broke', status: 'new', openedBy: { capacity: 'contact', via: ownerContact } })
    const read = await send(test, 'GET', `/v1/tickets/${made.body.id}`, { token: owner.token })
    t.equal(read.status, 200)
    t.strictSame(read.body, made.body)
    const reply = await send(test, 'POST', `/v1/tickets/${made.body.id}/messages`, { token: support.token, body: { body: 'Looking' } })
    t.equal(reply.status, 201, reply.text)
    const closed = await send(test, 'POST', `/v1/tickets/${made.body.id}/close`, { token: owner.token, ifMatch: 2 })
    t.equal(closed.status, 200, closed.text)
    t.equal(closed.body.status, 'resolved')
    const list = await send(test, 'GET', '/v1/tickets', { token: owner.token })
    t.equal(list.body.items.length, 1, list.text)
    t.strictSame(list.body.items[0], closed.body)
  })

  await t.test('a developer under a grant opens one on his domain only', async (t) => {
    const made = await send(test, 'POST', '/v1/tickets', { token: developer.token, key: true, body })
    t.equal(made.status, 201, made.text)
    t.equal(made.body.openedBy.capacity, 'grant')
    const other = await send(test, 'POST', '/v1/tickets', {
      token: developer.token,
      key: true,
      body: { ...body, domain: 'alpha-two.example' },
    })
    t.match(other, { status: 403, body: { reason: 'domain_not_in_grant' } })
  })

  await t.test('a stranger is refused alike for a real and an invented account', async (t) => {
    const real = await send(test, 'POST', '/v1/tickets', { token: stranger.token, key: true, body })
    const invented = await send(test, 'POST', '/v1/tickets', { token: stranger.token, key: true, body: { ...body, account: 'C-0' } })
    t.equal(real.status, 403)
    t.notOk(real.body.reason)
    t.strictSame({ ...real.body, instance: '' }, { ...invented.body, instance: '' })
  })
})
