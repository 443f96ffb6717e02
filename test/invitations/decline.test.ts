import { eq } from 'drizzle-orm'
import t from 'tap'
import { contacts, grants, journalEvents, singleUseTokens } from '../../src/database/tables.ts'
import { openTestApp, type Sent, send } from '../fixtures/app.ts'
import { account, contact, domain, person, staff } from '../fixtures/cast.ts'
import { mailbox, tokenMailedTo } from '../fixtures/mail.ts'
import { alike } from '../fixtures/passwords.ts'

t.test('declining a mailed invitation', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const admin = await staff(test, 'Ada Admin', 'admin')
  const owner = await person(test, 'Olga Owner')
  const dan = await person(test, 'Dan Developer')
  const alpha = await account(test, 'Alpha Ltd')
  await domain(test, alpha, 'alpha.example')
  await contact(test, alpha, owner, 'owner')
  const post = (url: string, token: string): Promise<Sent> => send(test, 'POST', `/v1/invitations/${url}`, { body: { token } })
  const decline = (token: string) => post('decline', token)
  const unknown = await decline('A'.repeat(43))
  const eventsOf = (id: string) => db.select().from(journalEvents).where(eq(journalEvents.resourceId, id)).orderBy(journalEvents.id)
  const invite = async (address: string): Promise<{ id: string; token: string }> => {
    const body = { address, role: 'technical' }
    const reply = await send(test, 'POST', `/v1/accounts/${alpha.id}/contacts`, { token: owner.token, body })
    return { id: reply.body.id, token: await tokenMailedTo(test, address) }
  }

  await t.test('a contact ends, who invited is told, and nobody is named', async (t) => {
    const { id, token } = await invite('nina@shop.example')
    t.match(await decline(token), { status: 204, text: '' })
    t.match(await db.select().from(contacts).where(eq(contacts.id, id)), [{ status: 'ended', userId: null, endedAt: Date, version: 2 }])
    const events = await eventsOf(id)
    t.strictSame(
      events.map(({ kind }) => kind),
      ['contact.invited', 'contact.ended'],
    )
    const verified = { verification: 'email:proven', verifiedAt: events[1]?.at as Date }
    t.match(events[1], { accountId: alpha.id, actorUserId: null, ...verified, changed: ['status'], requestId: String })
    const mails = await mailbox(test)
    t.match(mails, [{ to: owner.address, subject: `An invitation was declined for account ${alpha.number}` }])
    t.equal(mails.length, 1)
  })

  await t.test('a grant is declined, also when its address has a user', async (t) => {
    const body = { grantee: { address: dan.address }, domains: ['alpha.example'], actions: ['ticket.create', 'ticket.read'] }
    const { body: grant } = await send(test, 'POST', `/v1/accounts/${alpha.id}/grants`, { token: owner.token, key: true, body })
    const token = await tokenMailedTo(test, dan.address)
    t.equal((await decline(token)).status, 204)
    t.match(await db.select().from(grants).where(eq(grants.id, grant.id)), [{ status: 'declined', endedAt: Date, granteeUserId: null }])
    t.match((await eventsOf(grant.id)).at(-1), { kind: 'grant.declined', accountId: alpha.id, actorUserId: null })
    t.match(await mailbox(test), [{ to: owner.address, subject: `A permission was declined for account ${alpha.number}` }])
    t.strictSame(alike(await send(test, 'POST', '/v1/invitations/accept', { token: dan.token, body: { token } })), alike(unknown))
  })

  await t.test('so is an invitation to the support desk, also when its address has got a user meanwhile', async (t) => {
    const invited = await send(test, 'POST', '/v1/staff', {
      token: admin.token,
      body: { address: 'new@provider.example', role: 'support' },
    })
    const { id } = invited.body.invitation
    const token = await tokenMailedTo(test, 'new@provider.example')
    await db.update(singleUseTokens).set({ address: dan.address }).where(eq(singleUseTokens.id, id))
    t.equal((await post('show', token)).status, 409)
    t.equal((await decline(token)).status, 204)
    t.match((await eventsOf(id)).at(-1), { kind: 'staff.declined', audience: 'staff', actorUserId: null })
    t.match(await mailbox(test), [{ to: admin.address, subject: 'An invitation was declined' }])
    t.strictSame(alike(await post('show', token)), alike(unknown))
  })

  await t.test('where no person invited nobody is told', async (t) => {
    const { id, token } = await invite('panel@shop.example')
    await db.update(singleUseTokens).set({ invitedBy: null }).where(eq(singleUseTokens.contactId, id))
    t.equal((await decline(token)).status, 204)
    t.strictSame(await mailbox(test), [])
  })

  await t.test('repeated, withdrawn or unknown: the same answer, and nothing was written', async (t) => {
    const declined = await invite('declined@shop.example')
    t.equal((await decline(declined.token)).status, 204)
    const withdrawn = await invite('withdrawn@shop.example')
    await send(test, 'DELETE', `/v1/accounts/${alpha.id}/contacts/${withdrawn.id}`, { token: owner.token })
    await mailbox(test)
    const before = [await db.$count(journalEvents), await db.select().from(contacts)]
    t.match(unknown, { status: 403, body: { code: 'not_authorised' } })
    t.strictSame(alike(await decline(declined.token)), alike(unknown))
    t.strictSame(alike(await decline(withdrawn.token)), alike(unknown))
    t.strictSame([await db.$count(journalEvents), await db.select().from(contacts)], before)
    t.strictSame(await mailbox(test), [])
  })

  await t.test('declining and accepting at once: one wins', async (t) => {
    const { id, token } = await invite('both@shop.example')
    const accept = send(test, 'POST', '/v1/invitations/accept', { body: { token, name: 'Both', password: 'correct horse battery staple' } })
    const [one, other] = await Promise.all([decline(token), accept])
    const [row] = await db.select().from(contacts).where(eq(contacts.id, id))
    t.strictSame([one.status, other.status], row?.status === 'ended' ? [204, 403] : [403, 201])
  })
})
