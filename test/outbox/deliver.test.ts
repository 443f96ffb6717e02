import { createHash } from 'node:crypto'
import { eq, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { readConfig } from '../../src/config.ts'
import type { Log } from '../../src/database/open.ts'
import { accounts, addresses, contacts, domains, grants, singleUseTokens, staffMembers, users } from '../../src/database/tables.ts'
import { deliverMail } from '../../src/outbox/deliver.ts'
import { type NoticeKind, noticeKinds, postAddressKnown, postNotice } from '../../src/outbox/post.ts'
import { mailToken } from '../../src/outbox/tokens.ts'
import type { Mail } from '../../src/outbox/transport.ts'
import { openTestApp } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { mailbox, tokenIn } from '../fixtures/mail.ts'

const dayMs = 86_400_000

/** Keeps what is logged. */
function notes(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const keep = (fields: Record<string, unknown>, message: string) => lines.push({ ...fields, message })
  return { lines, log: { info: keep, warn: keep, error: keep } }
}

t.test('letters with a secret', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const admin = await staff(test, 'Ada Admin', 'admin')
  const owner = await person(test, 'Olga Owner')
  const alpha = await account(test, 'Alpha\n Ltd')
  const site = await domain(test, alpha, 'xn--bcher-kva.example')
  const ownerContact = await contact(test, alpha, owner, 'owner')
  type Row = Parameters<typeof mailToken>[2]
  const queue = (row: Row, lifeMs = dayMs) => mailToken(test.jobs, db, row, test.clock.now(), lifeMs)
  const proof: Row = { purpose: 'address_proof', address: 'anna@shop.example', name: 'EVIL http://spam.example', passwordHash: 'x' }
  const rowOf = async (id: string) => (await db.select().from(singleUseTokens).where(eq(singleUseTokens.id, id)))[0]
  const invitedContact = async () => {
    const row = { accountId: alpha.id, id: uuid(), role: 'billing', status: 'invited', invitedAddress: 'bill@shop.example' } as const
    await db.insert(contacts).values({ ...row, invitedBy: owner.id, createdAt: new Date() })
    const id = await queue({
      purpose: 'contact_invitation',
      address: row.invitedAddress,
      accountId: alpha.id,
      contactId: row.id,
      invitedBy: owner.id,
    })
    return { id, contact: row.id }
  }
  const invitedGrant = async () => {
    const made = await grant(test, alpha, ownerContact, owner, [site], { status: 'invited', granteeUserId: null, approvedAt: null })
    await queue({ purpose: 'grant_invitation', address: 'dan@agency.example', accountId: alpha.id, grantId: made, invitedBy: owner.id })
    return made
  }
  const invitedStaff = (by: string) =>
    queue({ purpose: 'staff_invitation', address: 'sue@provider.example', staffRole: 'support', invitedBy: by })
  const withheld = async (t: Pick<Tap, 'strictSame' | 'match'>) => {
    const { log, lines } = notes()
    t.strictSame(await mailbox(test, log), [])
    t.match(lines, [{ letter: 'token', outcome: 'withheld' }])
  }

  await t.test('the secret is made when the letter leaves, and only its hash is kept', async (t) => {
    const id = await queue(proof)
    t.equal((await rowOf(id))?.secretHash, null)
    const { rows: before } = await db.execute(sql`select data::text from pgboss.job`)
    t.strictSame(
      before.map(({ data }) => JSON.parse(String(data))),
      [{ letter: 'token', token: id }],
      'a job holds ids only',
    )
    const { log, lines } = notes()
    const [mail] = await mailbox(test, log)
    const secret = tokenIn(mail)
    t.equal(Buffer.from(secret, 'base64url').length, 32)
    t.strictSame((await rowOf(id))?.secretHash, createHash('sha256').update(secret).digest())
    const { rows } = await db.execute(sql`select row_to_json(j)::text as job from pgboss.job j`)
    t.notMatch(JSON.stringify([rows, lines]), secret)
    t.match(lines, [{ letter: 'token', token: id, outcome: 'sent' }])
    t.notMatch(JSON.stringify(lines), /anna@shop/, 'and the log no address')
  })

  await t.test('it says what to do, by when, and nothing a stranger wrote', async (t) => {
    await queue(proof)
    const [mail] = (await mailbox(test)) as [Mail]
    t.match(mail, { to: 'anna@shop.example', subject: 'Prove your mail address' })
    t.match(mail.text, /^POST http:\/\/mandate.test\/v1\/users\/proofs$/m)
    t.match(mail.text, /good until \d{4}-\d\d-\d\d \d\d:\d\d UTC/)
    t.notMatch(mail.subject + mail.text, /EVIL|spam/)
    t.ok(
      mail.text.split('\n').every((line) => line.length <= 76),
      'no line is broken on its way',
    )
  })

  await t.test('a failed letter is tried again with a new secret, and the former one is void', async (t) => {
    const id = await queue(proof)
    const sent: Mail[] = []
    let broken = true
    const transport = {
      async send(mail: Mail) {
        sent.push(mail)
        if (broken) throw new Error('the mailbox is full')
      },
    }
    const deliver = () => test.jobs.drain('mail', deliverMail(test.context, transport, notes().log))
    await t.rejects(deliver(), { message: 'the mailbox is full' })
    broken = false
    await db.execute(sql`update pgboss.job set start_after = now() - interval '1 minute' where state = 'retry'`)
    t.equal(await deliver(), 1)
    const [first, second] = sent.map(tokenIn)
    t.not(first, second)
    t.strictSame(
      (await rowOf(id))?.secretHash,
      createHash('sha256')
        .update(second as string)
        .digest(),
    )
  })

  await t.test('one that is used or over is withheld', async (t) => {
    const id = await queue(proof)
    await db.update(singleUseTokens).set({ usedAt: new Date() }).where(eq(singleUseTokens.id, id))
    await withheld(t)
    await queue(proof, 60_000)
    test.clock.advance(60_000)
    await withheld(t)
    await queue({ purpose: 'bootstrap' })
    await withheld(t)
  })

  await t.test('an invitation names the account and what is offered', async (t) => {
    await invitedContact()
    await invitedGrant()
    await invitedStaff(admin.id)
    const mails = await mailbox(test)
    t.strictSame(
      mails.map(({ to, subject }) => [to, subject]),
      [
        ['bill@shop.example', `Invitation for account ${alpha.number}`],
        ['dan@agency.example', `Invitation for account ${alpha.number}`],
        ['sue@provider.example', 'Invitation to the support desk'],
      ],
    )
    const [asContact, asDeveloper, asStaff] = mails.map(({ text }) => text)
    t.match(asContact, `speak for account ${alpha.number} (Alpha Ltd)\nas its billing contact`, 'a name stays on its line')
    t.match(asDeveloper, /^- bücher\.example$/m)
    t.match(asStaff, /with the role support\./)
    for (const text of [asContact, asDeveloper]) t.match(text, /sign in first/)
    t.notMatch(asStaff, /sign in first/)
    for (const text of [asContact, asDeveloper, asStaff]) t.match(text, /^POST http:\/\/mandate.test\/v1\/invitations\/accept$/m)
    t.equal(new Set(mails.map(tokenIn)).size, 3)
  })

  await t.test('what was withdrawn before it left is withheld', async (t) => {
    const { contact: id } = await invitedContact()
    await db.update(contacts).set({ status: 'ended', endedAt: new Date() }).where(eq(contacts.id, id))
    await withheld(t)
    const made = await invitedGrant()
    await db.update(grants).set({ status: 'cancelled', endedAt: new Date() }).where(eq(grants.id, made))
    await withheld(t)
    await invitedContact()
    await db.update(accounts).set({ state: 'closed' }).where(eq(accounts.id, alpha.id))
    await withheld(t)
    await db.update(accounts).set({ state: 'open' }).where(eq(accounts.id, alpha.id))
    await invitedStaff(owner.id)
    await withheld(t)
    await invitedStaff(admin.id)
    await db.update(staffMembers).set({ endedAt: new Date() }).where(eq(staffMembers.userId, admin.id))
    await withheld(t)
  })

  await t.test('an invitation to staff whose address has a user by then is withheld', async (t) => {
    const other = await staff(test, 'Other Admin', 'admin')
    const id = await invitedStaff(other.id)
    await db.update(singleUseTokens).set({ address: owner.address }).where(eq(singleUseTokens.id, id))
    await withheld(t)
  })

  await t.test('a sign-up for an address that has a user by then tells its owner, once', async (t) => {
    const id = await queue({ ...proof, address: owner.address })
    const [mail, ...more] = (await mailbox(test)) as [Mail]
    t.strictSame(more, [])
    t.match(mail, { to: owner.address, subject: 'You have a user already' })
    t.match(mail.text, /^POST http:\/\/mandate.test\/v1\/sessions$/m)
    t.match(await rowOf(id), { secretHash: null, usedAt: Date, name: null, passwordHash: null })
    await test.jobs.enqueue(db, 'mail', { letter: 'token', token: id })
    t.strictSame(await mailbox(test), [])
  })

  await t.test('and not one whose address is his no more', async (t) => {
    const una = await person(test, 'Una', { proven: false })
    const [address] = await db.select().from(addresses).where(eq(addresses.userId, una.id))
    await postAddressKnown(test.jobs, db, address?.id as string)
    t.strictSame(await mailbox(test), [])
  })

  await t.test('a letter nobody knows fails, and stays for who does', async (t) => {
    await test.jobs.enqueue(db, 'mail', { letter: 'love' })
    await t.rejects(mailbox(test), { message: 'there is no letter "love"' })
  })

  await t.test('links have a place even where none is configured', async (t) => {
    await queue(proof)
    const context = { ...test.context, config: readConfig({ PORT: '0' }) }
    const [mail] = await mailbox({ context, jobs: test.jobs })
    t.match(mail?.text, /POST http:\/\/localhost\/v1/)
  })
})

type Tap = typeof t

t.test('notices', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const owner = await person(test, 'Olga Owner')
  const dan = await person(test, 'Dan Developer')
  const alpha = await account(test, 'Alpha Ltd')
  const site = await domain(test, alpha, 'alpha.example')
  const other = await domain(test, alpha, 'other.example')
  const ownerContact = await contact(test, alpha, owner, 'owner')
  const given = await grant(test, alpha, ownerContact, dan, [site])
  const offered = await grant(test, alpha, ownerContact, dan, [site], { status: 'invited', approvedAt: null })
  const tell = async (recipientUserId: string, kind: NoticeKind = 'grant_revoked', subjectId = given) => {
    await postNotice(test.jobs, db, { kind, accountId: alpha.id, subjectId, recipientUserId })
    return mailbox(test)
  }

  await t.test('every kind has its words, for one recipient', async (t) => {
    const subjects = new Set<string>()
    // What is said about submissions is in test/intake/announce.test.ts.
    const kinds = noticeKinds.filter((kind) => !kind.startsWith('submission'))
    for (const kind of kinds) {
      const [what = ''] = kind.split('_')
      const about = { grant: kind === 'grant_invited' ? offered : given, domain: site.id, account: alpha.id }[what] ?? ownerContact
      const [mail, ...more] = (await tell(owner.id, kind, about)) as [Mail]
      t.strictSame(more, [])
      t.equal(mail.to, owner.address)
      t.match(mail.subject, `for account ${alpha.number}`)
      t.match(mail.text, `Account ${alpha.number} (Alpha Ltd): `)
      const places: Partial<Record<NoticeKind, string>> = {
        account_attempted: '/refused-attempts',
        domain_released_by_staff: '',
        domain_claim_refused: `/domains/claims/${about}`,
      }
      const place = places[kind] ?? (what === 'account' ? '' : `/${what}s/${about}`)
      t.match(mail.text, `GET http://mandate.test/v1/accounts/${alpha.number}${place}\n`)
      if (what !== 'account') t.match(mail.text, what === 'contact' ? 'Role: owner' : '- alpha.example')
      subjects.add(mail.subject)
    }
    t.equal(subjects.size, kinds.length)
  })

  await t.test('the developer is told of his own grant, though he may not list grants', async (t) => {
    t.match(await tell(dan.id), [{ to: dan.address, subject: /has ended/ }])
    await db.update(grants).set({ status: 'revoked', endedAt: new Date() }).where(eq(grants.id, given))
    t.match(await tell(dan.id), [{ to: dan.address }], 'and of its end')
  })

  await t.test('an offer is announced while it stands and waits for its answer', async (t) => {
    t.match(await tell(dan.id, 'grant_invited', offered), [{ to: dan.address, subject: /offered/ }])
    await db.update(contacts).set({ role: 'billing' }).where(eq(contacts.id, ownerContact))
    t.strictSame(await tell(dan.id, 'grant_invited', offered), [], 'not when who made it could not')
    await db.update(contacts).set({ role: 'owner' }).where(eq(contacts.id, ownerContact))
    await db.update(grants).set({ status: 'declined', endedAt: new Date() }).where(eq(grants.id, offered))
    t.strictSame(await tell(dan.id, 'grant_invited', offered), [], 'nor when it was answered')
  })

  await t.test('who was removed is told of his own end', async (t) => {
    const former = await person(test, 'Former')
    const row = await contact(test, alpha, former, 'billing')
    await db.update(contacts).set({ status: 'ended', endedAt: new Date() }).where(eq(contacts.id, row))
    t.match(await tell(former.id, 'contact_ended', row), [{ to: former.address, subject: /contact has ended/ }])
    t.strictSame(await tell(former.id, 'contact_added_by_staff', ownerContact), [], 'and of nothing else any more')
  })

  await t.test('it is decided when it leaves: who may not read it then is not told', async (t) => {
    const manager = await person(test, 'Mia Manager')
    const managed = await contact(test, alpha, manager, 'manager', [site])
    const elsewhere = await grant(test, alpha, ownerContact, dan, [other])
    t.match(await tell(manager.id), [{ to: manager.address }])
    t.strictSame(await tell(manager.id, 'grant_revoked', elsewhere), [], 'outside his limit')
    t.strictSame(await tell(manager.id, 'contact_ended', ownerContact), [], 'contacts are about the whole account')
    await db.update(contacts).set({ role: 'billing' }).where(eq(contacts.id, managed))
    t.strictSame(await tell(manager.id), [])
    const stranger = await person(test, 'Stranger')
    t.strictSame(await tell(stranger.id), [])
    await db.update(domains).set({ releasedAt: new Date() }).where(eq(domains.id, other.id))
    t.strictSame(await tell(manager.id, 'grant_suspended', elsewhere), [])
  })

  await t.test('nor is one who is suspended, or has proven no address', async (t) => {
    const una = await person(test, 'Una', { proven: false })
    const row = await contact(test, alpha, una, 'owner')
    t.strictSame(await tell(una.id, 'contact_ended', row), [])
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, owner.id))
    t.strictSame(await tell(owner.id), [])
  })
})
