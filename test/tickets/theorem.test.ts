/** C6: there is no way to a ticket but through somebody who may, and every way leaves what proves it. */
import { eq, sql } from 'drizzle-orm'
import t from 'tap'
import { grants, tickets } from '../../src/database/tables.ts'
import { ticketsWithoutAuthority } from '../fixtures/theorem.ts'
import { setStage } from '../intake/stage.ts'
import { ticketRow } from './stage.ts'

const stage = await setStage(t)
const { test, a, people, ask, base, open, grants: given, domains } = stage
const { db } = test.context
const body = { account: a.number, domain: 'alpha.example', topic: 'other', subject: 'It broke', message: 'Since noon.' }
const broken = () => ticketsWithoutAuthority(db)
const count = async () => (await db.select({ id: tickets.id }).from(tickets)).length

async function told(who: string): Promise<string> {
  const code = await ask(who, 'POST', `/v1/accounts/${a.number}/support-codes`, { body: { domain: 'alpha.example' } })
  return (await ask('support', 'POST', '/v1/support-codes/verify', { body: { account: a.number, code: code.body.code } })).body.id
}

t.test('C6: every ticket has an actor who was permitted, and a requester who held it unless it is staff’s', async (t) => {
  for (const who of ['owner', 'technical', 'limited', 'developer', 'keeper', 'support']) t.equal((await open(who)).status, 201, who)
  for (const who of ['stranger', 'otherOwner', 'unproven', 'billing']) t.ok((await open(who)).status >= 400, who)
  for (const who of ['owner', 'developer'])
    t.equal((await ask('support', 'POST', '/v1/tickets', { key: true, body: { ...body, supportCode: await told(who) } })).status, 201)
  const consented = (await stage.submit('stranger')).body.id
  t.equal((await stage.approve('owner', consented)).status, 200, 'consented to')
  const released = (await stage.submit('otherOwner')).body.id
  const spoken = { reason: 'Asked for by telephone', supportCode: await told('owner') }
  t.equal((await ask('support', 'POST', `${base}/${released}/release`, { body: spoken, ifMatch: 1 })).status, 200, 'released')
  await stage.submit('stranger', { subject: 'Another' })
  t.equal(await count(), 10, 'and what is held is none')
  t.strictSame(await broken(), [])
})

t.test('whatever is not so would be seen', async (t) => {
  const at = new Date(test.clock.now())
  // The domains of the stage are a minute older than it, its contacts half a minute.
  const before = new Date(at.getTime() - 10 * 60_000)
  const early = new Date(at.getTime() - 30 * 86_400_000)
  const byGrant = { capacity: 'grant', contactId: null, grantId: given.developer } as const
  const by = (who: { id: string }) => ({ actorUserId: who.id, requesterUserId: who.id })
  const wrong: [string, Parameters<typeof ticketRow>[1], RegExp][] = [
    ['another’s contact', by(people.technical), /not held/],
    ['another’s grant', { ...byGrant, ...by(people.keeper), domainId: domains.alpha.id }, /not held/],
    ['before there was a contact', { createdAt: early, arrivedAt: early }, /not held/],
    ['a domain that was not held yet', { domainId: domains.alpha.id, createdAt: before, arrivedAt: before }, /not held/],
    ['no event', {}, /not recorded/],
    ['another requester', { requesterUserId: people.stranger.id }, /nobody’s words/],
  ]
  for (const [what, row, expected] of wrong) {
    const id = await ticketRow(stage, row)
    t.match(await broken(), [expected], what)
    await db.execute(sql`delete from tickets where id = ${id}`)
  }
  const [ofGrant] = await db.select({ id: tickets.id }).from(tickets).where(eq(tickets.grantId, given.keeper))
  await db.update(grants).set({ status: 'revoked', endedAt: early }).where(eq(grants.id, given.keeper))
  t.match(await broken(), [`${ofGrant?.id} not held`], 'its grant had ended')
})
