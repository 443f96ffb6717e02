import { eq } from 'drizzle-orm'
import t from 'tap'
import { grants, journalEvents, singleUseTokens } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'

t.test('revoking a grant', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  const developer = await person(test, 'Dan Developer')
  const technical = await person(test, 'Tom Technical')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const support = await staff(test, 'Sue Support', 'support')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, a, technical, 'technical')
  const path = `/v1/accounts/${a.number}/grants`
  const revoke = (id: string, token: string, body?: object) => send(test, 'POST', `${path}/${id}/revoke`, { token, body })
  const events = async (id: string) =>
    (await db.select().from(journalEvents).where(eq(journalEvents.resourceId, id))).map(({ kind }) => kind)
  const mails = async () => {
    const told: unknown[] = []
    await test.jobs.drain('mail', async (payload) => {
      told.push(payload)
    })
    return told
  }

  await t.test('it ends at once: for opening, reading, listing and answering', async (t) => {
    const id = await grant(test, a, ownerContact, developer, [a1])
    const body = { account: a.number, domain: 'alpha.example', topic: 'other', subject: 'Broken', message: 'It broke.' }
    const open = () => send(test, 'POST', '/v1/tickets', { token: developer.token, key: true, body })
    const ticket = (await open()).body
    const url = `/v1/tickets/${ticket.id}`
    await mails()
    const revoked = await revoke(id, owner.token)
    t.match(revoked, { status: 200, body: { id, status: 'revoked', version: 2 } })
    t.match(await open(), { status: 403, body: { reason: 'grant_revoked' } })
    t.equal((await send(test, 'GET', url, { token: developer.token })).status, 404)
    t.equal((await send(test, 'GET', `${url}/messages`, { token: developer.token })).status, 404)
    t.equal((await send(test, 'POST', `${url}/messages`, { token: developer.token, body: { body: 'x' } })).status, 404)
    t.strictSame((await send(test, 'GET', '/v1/tickets', { token: developer.token })).body.items, [])
    t.equal((await send(test, 'GET', url, { token: owner.token })).status, 200, 'the account keeps it')
    t.match(await mails(), [{ letter: 'notice', kind: 'grant_revoked', subject: id, recipient: developer.id }])
  })

  await t.test('R4: revoking twice is revoking once: the same answer, one event', async (t) => {
    const id = await grant(test, a, ownerContact, developer, [a1])
    const first = await revoke(id, owner.token)
    const second = await revoke(id, owner.token)
    t.strictSame(second.body, first.body)
    t.strictSame(await events(id), ['grant.revoked'])
    await mails()
  })

  await t.test('one that was only offered is withdrawn, with its invitation', async (t) => {
    const body = { grantee: { address: 'dev@agency.example' }, domains: ['alpha.example'], actions: ['ticket.read'] }
    const { id } = (await send(test, 'POST', path, { token: owner.token, key: true, body })).body
    t.match(await revoke(id, owner.token), { status: 200, body: { status: 'cancelled' } })
    const [token] = await db.select().from(singleUseTokens).where(eq(singleUseTokens.grantId, id))
    t.ok(token?.usedAt)
    t.strictSame(await events(id), ['grant.invited', 'grant.cancelled'])
    await mails()
  })

  await t.test('staff end one with a reason, and the owners are told', async (t) => {
    const id = await grant(test, a, ownerContact, developer, [a1])
    t.match(await revoke(id, admin.token), { status: 422, body: { errors: [{ pointer: '#/reason' }] } })
    t.match(await revoke(id, support.token, { reason: 'Abuse report' }), { status: 403, body: { reason: 'action_not_in_role' } })
    const [row] = await db.select().from(grants).where(eq(grants.id, id))
    t.equal(row?.status, 'active', 'and nothing was written')
    t.match(await revoke(id, admin.token, { reason: 'Abuse report' }), { status: 200, body: { status: 'revoked' } })
    const told = (await mails()) as { recipient: string }[]
    t.strictSame(new Set(told.map(({ recipient }) => recipient)), new Set([developer.id, owner.id]))
  })

  await t.test('who may not, cannot', async (t) => {
    const id = await grant(test, a, ownerContact, developer, [a1])
    t.match(await revoke(id, technical.token), { status: 403, body: { reason: 'action_not_in_role' } })
    t.equal((await revoke(id, developer.token)).status, 404, 'a grantee does not manage his grant')
    t.equal((await revoke('00000000-0000-7000-8000-000000000000', owner.token)).status, 404)
    t.equal((await revoke('nonsense', owner.token)).status, 404)
    const [row] = await db.select().from(grants).where(eq(grants.id, id))
    t.match(row, { status: 'active', version: 1 }, 'and nothing was written')
  })
})
