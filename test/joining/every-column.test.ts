/** Nothing that names a user is forgotten when two are joined: every column that refers to one is moved, or ends, or says why it stays. */
import { eq, type SQL, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import * as tables from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, request, submission } from '../fixtures/cast.ts'
import { eventsOf } from '../fixtures/ledger.ts'
import { panel, personalToken, tie } from '../oauth/stage.ts'

/** Of the rows that name the other, those of which none may be left. The test below makes at least one of each. */
const moved: Record<string, SQL> = {
  'addresses.user_id': sql`x.removed_at is null`,
  'contacts.user_id': sql`x.status = 'active'`,
  'contacts.invited_by': sql`x.status = 'invited'`,
  'grants.grantee_user_id': sql`x.ended_at is null`,
  'grant_requests.user_id': sql`true`,
  'subjects.user_id': sql`true`,
  'submissions.submitter_user_id': sql`true`,
  'submission_mutes.submitter_user_id': sql`true`,
  'support_codes.user_id': sql`x.verified_at is null and x.expires_at > now() + interval '1 minute'`,
  'sessions.user_id': sql`x.ended_at is null`,
  'single_use_tokens.user_id': sql`x.used_at is null`,
  'single_use_tokens.invited_by': sql`x.used_at is null`,
  'second_factors.user_id': sql`x.removed_at is null`,
  'recovery_codes.user_id': sql`true`,
  // A copy is the survivor's; the other's own contacts that have ended keep theirs.
  'compromises.user_id': sql`not exists (select from compromises k where k.id = x.id and k.user_id <> x.user_id)`,
}

const history = 'says who did it then, and history is not rewritten'
const staffOnly = 'only of staff, who are never joined'
const kept: Record<string, string> = {
  'access_tokens.user_id': 'ends with its session',
  'passkey_challenges.user_id': 'serves nobody who is suspended, and is over in minutes',
  'staff_members.user_id': staffOnly,
  'staff_members.given_by': staffOnly,
  'staff_members.ended_by': staffOnly,
  'support_codes.verified_by': staffOnly,
  'grants.created_by': history,
  'grants.reviewed_by': history,
  'grants.ended_by': history,
  'request_codes.created_by': history,
  'domain_claims.actor_user_id': history,
  'tickets.actor_user_id': history,
  'tickets.requester_user_id': history,
  'messages.actor_user_id': history,
}

t.test('joining two users forgets no column that names one', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context

  await t.test('each is moved or ended, or is listed with its reason', async (t) => {
    const { rows } = await db.execute<{ column: string }>(sql`
      select k.conrelid::regclass::text || '.' || a.attname as column
      from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any(k.conkey)
      where k.contype = 'f' and k.confrelid = 'public.users'::regclass`)
    t.strictSame(rows.map(({ column }) => column).sort(), [...Object.keys(moved), ...Object.keys(kept)].sort())
    for (const reason of Object.values(kept)) t.ok(reason.length > 10)
  })

  await t.test('nothing that lives names the other any more', async (t) => {
    const [anna, twice, owner] = [await person(test, 'Anna'), await person(test, 'Anna Twice'), await person(test, 'Olga')]
    const [a, b] = [await account(test, 'Alpha Ltd'), await account(test, 'Beta Ltd')]
    const [d, e] = [await domain(test, a, `${uuid()}.example`), await domain(test, a, `${uuid()}.example`)]
    const grantor = await contact(test, a, owner, 'owner')
    const his = await contact(test, b, twice, 'technical')
    const given = await grant(test, a, grantor, twice, [d])
    const requested = await request(test, a, twice, [e], { grantorContactId: null })
    await tie(test, await panel(test), twice)
    await personalToken(test, twice.token, { account: b.id, actions: ['self.read'] })
    const at = new Date(test.clock.now())
    const later = new Date(test.clock.now() + 336 * 3_600_000)
    const code = () => ({ accountId: b.id, id: uuid(), codeHash: Buffer.from(uuid()), userId: twice.id, contactId: his, createdAt: at })
    await db.insert(tables.supportCodes).values({ ...code(), expiresAt: later })
    await db.insert(tables.compromises).values({ userId: twice.id, id: uuid(), since: new Date(1_000), until: new Date(2_000) })
    const ask = { domainNames: [e.name], actions: ['ticket.create'], reach: 'own' as const, expiresAt: later, createdAt: at }
    const linked = { accountId: a.id, grantId: requested }
    await db.insert(tables.grantRequests).values({ ...ask, ...linked, id: uuid(), userId: twice.id, account: a.number })
    await submission(test, twice, a.number, d.name)
    await submission(test, twice, a.number, d.name, { verdict: 'declined', decidedAt: at })
    const betas = await contact(test, b, owner, 'owner')
    await db.insert(tables.submissionMutes).values([
      { id: uuid(), accountId: a.id, submitterUserId: twice.id, contactId: grantor, createdAt: at },
      { id: uuid(), accountId: a.id, submitterUserId: anna.id, contactId: grantor, createdAt: at },
      { id: uuid(), accountId: a.id, submitterUserId: twice.id, domainId: d.id, contactId: grantor, createdAt: at },
      { id: uuid(), accountId: a.id, submitterUserId: twice.id, contactId: grantor, createdAt: at, liftedAt: at },
      { id: uuid(), accountId: b.id, submitterUserId: twice.id, contactId: betas, createdAt: at },
    ])
    const invited = { accountId: b.id, id: uuid(), role: 'technical', status: 'invited', invitedAddress: 'x@people.example' } as const
    await db.insert(tables.contacts).values({ ...invited, invitedBy: twice.id, createdAt: at })
    const token = { createdAt: at, expiresAt: later }
    await db.insert(tables.singleUseTokens).values([
      { ...token, id: uuid(), purpose: 'address_addition', address: 'y@people.example', userId: twice.id },
      { ...token, id: uuid(), purpose: 'contact_invitation', address: 'x@people.example', invitedBy: twice.id },
    ])
    await db.insert(tables.secondFactors).values({ id: uuid(), userId: twice.id, kind: 'totp', name: 'Never confirmed', createdAt: at })
    await db.insert(tables.recoveryCodes).values({ userId: twice.id, codeHash: Buffer.from(uuid()), createdAt: at })

    const left = async (): Promise<Record<string, number>> => {
      const counts: Record<string, number> = {}
      for (const [column, lives] of Object.entries(moved)) {
        const [table, name] = column.split('.') as [string, string]
        const { rows } = await db.execute<{ n: number }>(sql`
          select count(*)::int as n from ${sql.identifier(table)} x where x.${sql.identifier(name)} = ${twice.id} and ${lives}`)
        counts[column] = rows[0]?.n as number
      }
      return counts
    }
    for (const [column, count] of Object.entries(await left())) t.ok(count > 0, `${column}: there is one`)
    const joined = await send(test, 'POST', '/v1/me/joining', { token: anna.token, body: { accessToken: twice.token } })
    t.equal(joined.status, 200, joined.text)
    for (const [column, count] of Object.entries(await left())) t.equal(count, 0, column)

    const muted = await db.select().from(tables.submissionMutes).where(eq(tables.submissionMutes.submitterUserId, anna.id))
    t.strictSame(
      muted.flatMap(({ accountId, domainId, liftedAt }) => (liftedAt === null ? `${accountId} ${domainId}` : [])).sort(),
      [`${a.id} null`, `${a.id} ${d.id}`, `${b.id} null`].sort(),
      'a mute holds for who is left',
    )
    t.equal(await db.$count(tables.submissions, eq(tables.submissions.submitterUserId, anna.id)), 2)
    t.match(await db.select().from(tables.compromises), [{ userId: twice.id }, { userId: anna.id }])
    t.match(await db.select().from(tables.grants).where(eq(tables.grants.id, given)), [{ granteeUserId: anna.id, createdBy: twice.id }])
    const mine = await send(test, 'GET', '/v1/me/grants', { token: anna.token })
    t.notMatch(mine.text, requested, 'what he asked for is still no grant of his, so he learns nothing of his code')
    t.ok((await eventsOf(test, tables.providerAccountId)).some(({ kind }) => kind === 'user.joined'))
  })
})
