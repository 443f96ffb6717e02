import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { contacts, grants, singleUseTokens } from '../../src/database/tables.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { comparable, eventsOf, letters, refusedOf } from '../fixtures/ledger.ts'
import { mailbox, tokenIn } from '../fixtures/mail.ts'

t.test('sending an invitation again', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const owner = await person(test, 'Olga Owner')
  const manager = await person(test, 'Max Manager')
  const technical = await person(test, 'Tom Technical')
  const admin = await staff(test, 'Ada Admin', 'admin')
  await contact(test, a, owner, 'owner')
  await contact(test, a, manager, 'manager')
  const technicalContact = await contact(test, a, technical, 'technical')
  const path = `/v1/accounts/${a.number}/contacts`
  const invite = async (address: string, role = 'technical') =>
    (await send(test, 'POST', path, { token: owner.token, body: { address, role } })).body
  const resend = (id: string, token = owner.token, rest: Request = {}) => send(test, 'POST', `${path}/${id}/resend`, { token, ...rest })
  const accept = (token: string) =>
    send(test, 'POST', '/v1/invitations/accept', { body: { token, name: 'Ned New', password: 'a long enough password' } })

  await t.test('the new token works, the one before does not', async (t) => {
    const invited = await invite('new@people.example')
    const old = tokenIn((await mailbox(test)).at(-1))
    test.clock.advance(60_000)
    const sent = await resend(invited.id, manager.token, { key: 'again-1' })
    t.match(sent, { status: 200, body: { id: invited.id, status: 'invited' }, headers: { etag: '"v1"' } }, sent.text)
    t.match((await eventsOf(test, a.id)).at(-1), { kind: 'contact.invited_again', actor: manager.id, resourceId: invited.id })
    const [mail, ...more] = await mailbox(test)
    t.strictSame([mail?.to, more], ['new@people.example', []])
    t.equal((await accept(old)).status, 403)
    t.equal((await resend(invited.id, manager.token, { key: 'again-1' })).headers['idempotency-replayed'], 'true')
    t.strictSame(await mailbox(test), [], 'repeated with its key it sends nothing')
    t.equal((await accept(tokenIn(mail))).status, 201)
  })

  await t.test('A7: nobody sends one for more than he holds', async (t) => {
    const invited = await invite('boss@people.example', 'owner')
    t.match(await refusedOf(t, test, () => resend(invited.id, manager.token)), { status: 403, body: { reason: 'action_not_in_role' } })
    t.match(await refusedOf(t, test, () => resend(invited.id, technical.token)), { status: 403 })
    t.equal((await resend(invited.id, admin.token)).status, 200, 'the provider may')
  })

  await t.test('only one that is open', async (t) => {
    t.match(await refusedOf(t, test, () => resend(technicalContact)), { status: 409, body: { code: 'conflict' } })
    const invited = await invite('withdrawn@people.example')
    t.equal((await send(test, 'DELETE', `${path}/${invited.id}`, { token: owner.token })).status, 204)
    t.match(await refusedOf(t, test, () => resend(invited.id)), { status: 409, body: { code: 'conflict' } })
  })

  await t.test('also when the letter before has long been deleted', async (t) => {
    const invited = await invite('late@people.example')
    await test.context.db.delete(singleUseTokens).where(eq(singleUseTokens.contactId, invited.id))
    t.match(await resend(invited.id), { status: 200, body: { status: 'invited' } })
    t.equal((await accept(tokenIn((await mailbox(test)).at(-1)))).status, 201)
  })

  await t.test('after some the next must wait', async (t) => {
    const invited = await invite('patient@people.example')
    for (let count = 0; count < 3; count++) t.equal((await resend(invited.id)).status, 200)
    t.match(await refusedOf(t, test, () => resend(invited.id)), { status: 429, headers: { 'retry-after': String } })
  })
})

t.test('a contact leaves by himself', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  const manager = await person(test, 'Max Manager')
  const billing = await person(test, 'Bill Billing')
  const developer = await person(test, 'Dan Developer')
  const ownerContact = await contact(test, a, owner, 'owner')
  const managerContact = await contact(test, a, manager, 'manager')
  const billingContact = await contact(test, a, billing, 'billing')
  const given = await grant(test, a, managerContact, developer, [d])
  const resign = (id: string, token: string) => send(test, 'POST', `/v1/me/contacts/${id}/resign`, { token })
  const stored = async (id: string) => (await db.select().from(contacts).where(eq(contacts.id, id)))[0]

  await t.test('in any role, and the owners are told; what he stood for falls', async (t) => {
    const before = (await letters(test)).length
    const sent = await resign(billingContact, billing.token)
    t.strictSame([sent.status, sent.text], [204, ''])
    t.match(await stored(billingContact), { status: 'ended', endedAt: Date })
    t.match((await eventsOf(test, a.id)).at(-1), { kind: 'contact.ended', actor: billing.id, capacity: 'self', value: { role: 'billing' } })
    t.match((await letters(test)).slice(before), [
      { kind: 'contact_ended', account: a.id, recipient: billing.id },
      { kind: 'contact_ended', account: a.id, recipient: owner.id },
    ])
    t.equal((await resign(managerContact, manager.token)).status, 204)
    t.match((await db.select().from(grants).where(eq(grants.id, given)))[0], {
      status: 'suspended',
      suspensionCauses: ['grantor_lost_authority'],
    })
  })

  await t.test('again it is the same answer, and no second event', async (t) => {
    const events = await eventsOf(test, a.id)
    t.equal((await resign(billingContact, billing.token)).status, 204)
    t.strictSame(await eventsOf(test, a.id), events)
  })

  await t.test('the last owner stays', async (t) => {
    t.match(await refusedOf(t, test, () => resign(ownerContact, owner.token)), { status: 409, body: { detail: /last owner/ } })
  })

  await t.test('somebody else’s contact is as one that does not exist', async (t) => {
    const unknown = comparable(await resign(uuid(), billing.token))
    for (const id of [ownerContact, 'no-id']) t.strictSame(comparable(await refusedOf(t, test, () => resign(id, billing.token))), unknown)
  })
})

t.test('A7: nobody makes, changes or removes one who holds more than he does', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const people = {
    owner: await person(test, 'Olga Owner'),
    manager: await person(test, 'Max Manager'),
    limited: await person(test, 'Lia Limited'),
    technical: await person(test, 'Tom Technical'),
    billing: await person(test, 'Bill Billing'),
  }
  const rows = {
    owner: await contact(test, a, people.owner, 'owner'),
    manager: await contact(test, a, people.manager, 'manager'),
    limited: await contact(test, a, people.limited, 'manager', [d]),
    technical: await contact(test, a, people.technical, 'technical'),
    billing: await contact(test, a, people.billing, 'billing'),
  }
  const path = `/v1/accounts/${a.number}/contacts`
  const tries = (token: string, role: keyof typeof rows): [string, () => ReturnType<typeof send>][] => [
    [
      'makes',
      () => send(test, 'POST', path, { token, body: { address: 'x@people.example', role: role === 'limited' ? 'manager' : role } }),
    ],
    ['makes himself', () => send(test, 'PATCH', `${path}/${rows.manager}`, { token, ifMatch: 1, body: { role: 'owner' } })],
    ['changes', () => send(test, 'PATCH', `${path}/${rows[role]}`, { token, ifMatch: 1, body: { role: 'billing' } })],
    ['lifts', () => send(test, 'PATCH', `${path}/${rows.limited}`, { token, ifMatch: 1, body: { domains: 'all', role: 'owner' } })],
    ['removes', () => send(test, 'DELETE', `${path}/${rows[role]}`, { token })],
  ]
  for (const [what, act] of tries(people.manager.token, 'owner')) {
    t.equal((await refusedOf(t, test, act)).status, 403, `a manager ${what} an owner`)
  }
  // Contacts are about the account as a whole, so a limit leaves nothing of them: limit ⊆ limit holds for want of anything to give.
  for (const who of ['limited', 'technical', 'billing'] as const) {
    for (const role of ['limited', 'technical', 'billing'] as const) {
      for (const [what, act] of tries(people[who].token, role)) {
        t.ok([403, 404].includes((await refusedOf(t, test, act)).status), `${who} ${what} ${role}`)
      }
    }
  }
})
