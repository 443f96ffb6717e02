import t from 'tap'
import { v7 as uuid } from 'uuid'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'

t.test('staff are told why: every row, and the first condition it fails', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const a2 = await domain(test, a, 'alpha-two.example')
  const owner = await person(test, 'Olga Owner')
  const developer = await person(test, 'Dan Developer')
  const unproven = await person(test, 'Una Unproven', { proven: false })
  const support = await staff(test, 'Sue Support', 'support')
  const ownerContact = await contact(test, a, owner, 'owner')
  const good = await grant(test, a, ownerContact, developer, [a1])
  const elsewhere = await grant(test, a, ownerContact, developer, [a2])
  const at = test.clock.now()
  const over = await grant(test, a, ownerContact, developer, [a1], { expiresAt: new Date(at - 1), notBefore: new Date(at - 1_000) })
  const ask = (who: { id: string }, name: string, resource: object, context: object = {}, token = support.token) =>
    send(test, 'POST', '/v1/decisions/explain', {
      token,
      body: { subject: { type: 'user', id: who.id }, action: { name }, resource, context },
    })
  const onAlpha = { type: 'domain', id: 'alpha.example' }
  const context = { account: a.number, topic: 'website' }

  await t.test('a permit and a deny', async (t) => {
    const permit = await ask(developer, 'ticket.create', onAlpha, context)
    t.match(permit, { status: 200, body: { decision: true, reason: null, via: { capacity: 'grant', id: good }, verified: true } })
    t.strictSame(Object.fromEntries(permit.body.candidates.map(({ id, failed }: { id: string; failed: string }) => [id, failed])), {
      [good]: null,
      [elsewhere]: 'domain',
      [over]: 'expired',
    })
    const deny = await ask(developer, 'ticket.close', onAlpha, context)
    t.match(deny.body, { decision: false, reason: 'grant_expired', via: null })
    t.equal(deny.body.candidates.find(({ id }: { id: string }) => id === good).failed, 'action')
    t.match((await ask(owner, 'account.update', { type: 'account', id: a.id })).body, {
      decision: true,
      via: { capacity: 'contact', id: ownerContact },
      candidates: [{ capacity: 'contact', id: ownerContact, failed: null }],
    })
    t.match((await ask(unproven, 'ticket.create', onAlpha, context)).body, {
      reason: 'unverified_principal',
      verified: false,
      candidates: [],
    })
    t.match((await ask({ id: uuid() }, 'ticket.create', onAlpha, context)).body, { decision: false, verified: false })
  })

  await t.test('what is not there is said, and nobody but staff is answered', async (t) => {
    t.match(await ask(developer, 'ticket.create', onAlpha, { account: 'C-0' }), { status: 422, body: { errors: [{ code: 'unknown' }] } })
    t.match(await ask(developer, 'ticket.read', { type: 'ticket', id: uuid() }), { status: 422 })
    t.match(await ask(developer, 'fly', onAlpha, context), { status: 422, body: { code: 'validation_error' } })
    t.equal((await ask(developer, 'ticket.create', onAlpha, context, owner.token)).status, 403)
  })
})
