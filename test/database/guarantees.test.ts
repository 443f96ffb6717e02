/** What the database itself refuses, whoever asks and whatever the program believes. */
import { eq, type SQL, sql } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { brokenConstraint, sqlState } from '../../src/database/errors.ts'
import {
  contacts,
  domainNames,
  domains,
  grants,
  journalEvents,
  messages,
  sessions,
  staffMembers,
  tickets,
  users,
} from '../../src/database/tables.ts'
import { append } from '../../src/journal/append.ts'
import { domain, grant, person, staff } from '../fixtures/cast.ts'
import { setStage, ticketRow } from '../tickets/stage.ts'

const stage = await setStage(t)
const { test, a, b, people, grants: given, contacts: known, domains: held } = stage
const { db } = test.context
const at = new Date(test.clock.now())

type Work = (tx: typeof db) => PromiseLike<unknown>

/** A statement that must fail, by SQLSTATE or by the name of the constraint it breaks. */
async function refused(t: Test, work: Work | SQL, by: string, what = by): Promise<void> {
  const error = await Promise.resolve(typeof work === 'function' ? work(db) : db.execute(work)).then(
    () => undefined,
    (error: unknown) => error,
  )
  t.equal(/^[0-9A-Z]{5}$/.test(by) ? sqlState(error) : brokenConstraint(error), by, what)
}

const restrictViolation = '23001'

t.test('U2: the journal is append-only', async (t) => {
  await append(db, { accountId: a.id, kind: 'grant.invited', at: at.getTime(), value: { a: 1 } })
  const before = await db.select().from(journalEvents)
  await refused(t, (tx) => tx.update(journalEvents).set({ kind: 'other' }), restrictViolation, 'no update')
  await refused(t, sql`update journal_events set at = at`, restrictViolation, 'not even one that changes nothing')
  await refused(
    t,
    sql`insert into journal_events select * from journal_events on conflict (account_id, id) do update set reason = 'x'`,
    restrictViolation,
    'nor by the back door',
  )
  await refused(t, (tx) => tx.delete(journalEvents), restrictViolation, 'no delete')
  await refused(t, sql`truncate journal_events cascade`, restrictViolation, 'no truncate')
  t.strictSame(await db.select().from(journalEvents), before)
  await refused(
    t,
    sql`insert into journal_values values (${b.id}, ${before[0]?.id}, '', '{}')`,
    'journal_values_event',
    'a value belongs to an event of its account',
  )
})

t.test('T3, T4: what has ended stays ended, also when a clock steps back', async (t) => {
  const ended = { endedAt: at, version: 2 }
  for (const status of ['declined', 'cancelled', 'lapsed', 'revoked', 'resigned', 'expired', 'exhausted', 'superseded'] as const) {
    const id = await grant(test, a, known.owner, people.developer, [held.alpha], { status, ...ended })
    for (const next of ['active', 'suspended', 'invited', status === 'revoked' ? 'expired' : 'revoked'] as const) {
      const causes = next === 'suspended' ? ['staff'] : []
      const endedAt = next === 'expired' || next === 'revoked' ? at : null
      const revive: Work = (tx) => tx.update(grants).set({ status: next, endedAt, suspensionCauses: causes }).where(eq(grants.id, id))
      await refused(t, revive, restrictViolation, `a grant: ${status} to ${next}`)
    }
    await db.update(grants).set({ version: 3 }).where(eq(grants.id, id))
  }
  const gone = known.manager
  await db.update(contacts).set({ status: 'ended', endedAt: at }).where(eq(contacts.id, gone))
  await refused(
    t,
    (tx) => tx.update(contacts).set({ status: 'active', endedAt: null }).where(eq(contacts.id, gone)),
    restrictViolation,
    'a contact',
  )

  const released = await domain(test, a, 'released.example')
  await db.delete(domainNames).where(eq(domainNames.domainId, released.id))
  await db.update(domains).set({ releasedAt: at }).where(eq(domains.id, released.id))
  for (const change of [{ releasedAt: null }, { releasedAt: new Date(at.getTime() + 1) }]) {
    await refused(t, (tx) => tx.update(domains).set(change).where(eq(domains.id, released.id)), restrictViolation, 'a domain')
  }

  const { id, session } = await person(test, 'Former Session')
  await db.update(sessions).set({ endedAt: at }).where(eq(sessions.id, session))
  for (const endedAt of [null, new Date(at.getTime() + 1)]) {
    await refused(t, (tx) => tx.update(sessions).set({ endedAt }).where(eq(sessions.id, session)), restrictViolation, 'a session')
  }
  t.equal((await db.select().from(sessions).where(eq(sessions.userId, id))).length, 1)

  const former = await staff(test, 'Former Staff', 'support')
  await db.update(staffMembers).set({ endedAt: at }).where(eq(staffMembers.id, former.staffMember))
  const revive: Work = (tx) => tx.update(staffMembers).set({ endedAt: null }).where(eq(staffMembers.id, former.staffMember))
  await refused(t, revive, restrictViolation, 'a staff role')
})

t.test('a domain row never changes its account or name', async (t) => {
  await refused(t, (tx) => tx.update(domains).set({ name: 'other.example' }).where(eq(domains.id, held.beta.id)), restrictViolation)
  const free = uuid()
  await db.insert(domains).values({ id: free, accountId: b.id, name: 'free.example', createdAt: at })
  await refused(t, (tx) => tx.update(domains).set({ accountId: a.id }).where(eq(domains.id, free)), restrictViolation)
})

t.test('a name is held once: by one account at a time, by one row at a time, and its rows never overlap', async (t) => {
  const row = { accountId: a.id, name: 'alpha.example', createdAt: at }
  await refused(t, (tx) => tx.insert(domains).values({ ...row, id: uuid() }), 'domains_held')
  const past = { ...row, createdAt: new Date(at.getTime() - 7_200_000) }
  const overlapping = { ...past, id: uuid(), releasedAt: new Date(at.getTime() + 1_000) }
  await refused(t, (tx) => tx.insert(domains).values(overlapping), 'domains_one_at_a_time')
  await db.insert(domains).values({ ...past, id: uuid(), releasedAt: new Date(at.getTime() - 3_600_000) })
  const again = { ...past, id: uuid(), releasedAt: new Date(at.getTime() - 3_600_001) }
  await refused(t, (tx) => tx.insert(domains).values(again), 'domains_one_at_a_time', 'nor in the past')
  await refused(
    t,
    (tx) => tx.insert(domainNames).values({ name: 'alpha.example', accountId: b.id, domainId: held.beta.id }),
    'domain_names_pkey',
  )
  await refused(
    t,
    (tx) => tx.insert(domainNames).values({ name: 'new.example', accountId: b.id, domainId: held.alpha.id }),
    'domain_names_domain',
    'the directory leads to a domain of the account it names',
  )
  for (const name of ['Alpha.example', 'dot.example.'])
    await refused(t, (tx) => tx.insert(domains).values({ ...row, id: uuid(), name }), 'domains_name')
})

t.test('every ticket and message says who acted and by which one row', async (t) => {
  const byStaff = { staffMemberId: people.support.staffMember }
  const wrong: [object, string][] = [
    [{ contactId: null }, 'tickets_authorship'],
    [{ capacity: 'grant' }, 'tickets_authorship'],
    [{ capacity: 'staff', origin: 'staff' }, 'tickets_authorship'],
    [{ grantId: given.developer }, 'tickets_authorship'],
    [byStaff, 'tickets_authorship'],
    [{ capacity: 'grant', contactId: null, ...byStaff, domainId: held.alpha.id }, 'tickets_authorship'],
    [{ capacity: 'client', contactId: null }, 'tickets_authorship'],
    [{ capacity: 'self' }, 'tickets_authorship'],
    [{ verification: 'hearsay' }, 'tickets_verification'],
    [{ verificationLevel: 'certain' }, 'tickets_verification_level'],
    [{ status: 'lost' }, 'tickets_status'],
    [{ priority: 'asap' }, 'tickets_priority'],
    [{ channel: 'fax' }, 'tickets_channel'],
    [{ origin: 'thin air' }, 'tickets_origin'],
    [{ origin: 'staff' }, 'tickets_origin_of_capacity'],
    [{ requesterUserId: null }, 'tickets_requester'],
    [{ host: 'www.alpha.example' }, 'tickets_host'],
    [{ capacity: 'grant', contactId: null, grantId: given.developer }, 'tickets_delegated'],
    [{ capacity: 'grant', contactId: null, grantId: given.developer, domainId: held.alpha.id, contactsOnly: true }, 'tickets_delegated'],
    [{ actorUserId: null }, '23502'],
    [{ sessionId: null }, '23502'],
    [{ verifiedAt: null }, '23502'],
    [{ actorUserId: uuid() }, 'tickets_actor_user_id_users_id_fk'],
    [{ contactId: known.otherOwner }, 'tickets_contact'],
    [{ domainId: held.beta.id }, 'tickets_domain'],
  ]
  for (const [change, constraint] of wrong) {
    await refused(t, () => ticketRow(stage, change), constraint, `${constraint}: ${JSON.stringify(change)}`)
  }
  const ticketId = await ticketRow(stage, { domainId: held.alpha.id })
  const message = {
    accountId: a.id,
    ticketId,
    id: uuid(),
    kind: 'reply' as const,
    actorUserId: people.owner.id,
    capacity: 'contact' as const,
    contactId: known.owner,
    sessionId: people.owner.session,
    verification: 'password' as const,
    verificationLevel: 'one_factor' as const,
    verifiedAt: at,
    body: 'Words.',
    createdAt: at,
  }
  const wrongMessages: [object, string][] = [
    [{ accountId: b.id, contactId: known.otherOwner }, 'messages_ticket'],
    [{ ticketId: uuid() }, 'messages_ticket'],
    [{ contactId: known.otherOwner }, 'messages_contact'],
    [{ capacity: 'grant', contactId: null, grantId: uuid() }, 'messages_grant'],
    [{ contactId: null }, 'messages_authorship'],
    [{ kind: 'note' }, 'messages_note'],
    [{ kind: 'shout' }, 'messages_kind'],
  ]
  for (const [change, constraint] of wrongMessages)
    await refused(t, (tx) => tx.insert(messages).values({ ...message, ...change }), constraint)
  await db.insert(messages).values(message)
})

t.test('A3, T2: a grant holds only what can be delegated, for a time, by someone', async (t) => {
  const give = (rest: Wrong) => refusedGrant(t, rest)
  for (const action of ['account.read', 'grant.manage', 'contact.manage', 'staff.ticket.work', 'self.manage', 'ticket.delete']) {
    await give({ actions: ['ticket.read', action], by: 'grants_actions' })
  }
  await give({ actions: [], by: 'grants_actions' })
  await give({ topics: [], by: 'grants_topics' })
  await give({ expiresAt: null, by: '23502' })
  await give({ notBefore: at, expiresAt: at, by: 'grants_period' })
  await give({ approvedAt: at, expiresAt: new Date(at.getTime() + 365 * 86_400_000 + 1), by: 'grants_period' })
  await give({ maxUses: 0, by: 'grants_uses' })
  await give({ maxUses: 1, uses: 2, by: 'grants_uses' })
  await give({ uses: -1, by: 'grants_uses' })
  await give({ reach: 'all', by: 'grants_reach' })
  await give({ status: 'eternal', endedAt: at, by: 'grants_status' })
  await give({ status: 'suspended', by: 'grants_suspended' })
  await give({ suspensionCauses: ['staff'], by: 'grants_suspended' })
  await give({ status: 'suspended', suspensionCauses: ['mood'], by: 'grants_causes' })
  await give({ granteeUserId: null, by: 'grants_in_force' })
  await give({ grantorContactId: null, by: 'grants_in_force' })
  await give({ approvedAt: null, by: 'grants_in_force' })
  await give({ grantorContactId: known.otherOwner, by: 'grants_grantor' })
  await give({ status: 'revoked', by: 'grants_ended' })
  await give({ endedAt: at, by: 'grants_ended' })
  await give({ supersedes: uuid(), by: 'grants_supersedes' })
  await refused(t, sql`insert into grant_domains values (${a.id}, ${given.developer}, ${held.beta.id})`, 'grant_domains_domain')
})

t.test('a grant never holds a confidential topic', async (t) => {
  await refusedGrant(t, { topics: ['other', 'billing'], by: 'grants_topics' })
})

type Wrong = { by: string } & Record<string, unknown>

async function refusedGrant(t: Test, { by, ...rest }: Wrong): Promise<void> {
  await refused(t, () => grant(test, a, known.owner, people.developer, [], rest), by, `${by}: ${JSON.stringify(rest)}`)
}

t.test('a contact in force is somebody; an owner is never limited', async (t) => {
  const row = {
    accountId: a.id,
    invitedAddress: 'x@people.example',
    invitedBy: people.owner.id,
    createdAt: at,
    acceptedAt: at,
    userId: people.stranger.id,
  }
  const wrong: [object, string][] = [
    [{ role: 'owner', limited: true }, 'contacts_owner_unlimited'],
    [{ userId: null }, 'contacts_active_known'],
    [{ acceptedAt: null }, 'contacts_active_known'],
    [{ status: 'ended' }, 'contacts_ended'],
    [{ endedAt: at }, 'contacts_ended'],
    [{ role: 'king' }, 'contacts_role'],
    [{ status: 'asleep' }, 'contacts_status'],
    [{ userId: people.owner.id, role: 'owner' }, 'contacts_active'],
  ]
  for (const [change, constraint] of wrong) {
    const values = { id: uuid(), role: 'technical' as const, status: 'active' as const, ...row, ...change }
    await refused(t, (tx) => tx.insert(contacts).values(values), constraint)
  }
  await refused(t, sql`insert into contact_domains values (${a.id}, ${known.limited}, ${held.beta.id})`, 'contact_domains_domain')
  await refused(t, sql`insert into contact_domains values (${b.id}, ${known.limited}, ${held.beta.id})`, 'contact_domains_contact')
})

t.test('nothing that others hang on can be deleted', async (t) => {
  await stage.open('owner')
  await refused(t, (tx) => tx.delete(users).where(eq(users.id, people.owner.id)), '23503')
  await refused(t, (tx) => tx.delete(tickets), '23503')
  await refused(t, (tx) => tx.delete(contacts).where(eq(contacts.id, known.owner)), '23503')
  await refused(t, (tx) => tx.delete(domains).where(eq(domains.id, held.alpha.id)), '23503')
})

t.test('every trigger of the schema is one that is tested', async (t) => {
  const { rows } = await db.execute<{ name: string }>(sql`
    select distinct trigger_name as name from information_schema.triggers where trigger_schema = 'public'
    union select tgname from pg_trigger where not tgisinternal and tgrelid::regclass::text !~ '^pgboss' order by 1`)
  t.strictSame(
    rows.map(({ name }) => name),
    [
      'contacts_stay_ended',
      'domains_stay_released',
      'grants_stay_ended',
      'journal_events_append_only',
      'journal_events_never_truncated',
      'journal_positions_append_only', // with the seals
      'journal_positions_never_truncated',
      'journal_seals_append_only',
      'journal_seals_never_truncated',
      'sessions_end_together', // with the sessions
      'sessions_stay_ended',
      'staff_members_stay_ended',
    ],
  )
})
