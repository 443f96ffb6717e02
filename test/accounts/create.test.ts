import { eq } from 'drizzle-orm'
import t from 'tap'
import { accountNumbers, contacts, domainNames, domains, singleUseTokens } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, person, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, letters, refusedOf } from '../fixtures/ledger.ts'

t.test('making an account', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const admin = await staff(test, 'Ada Admin', 'admin')
  const support = await staff(test, 'Sue Support', 'support')
  const a = await account(test, 'Alpha Ltd')
  await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  await contact(test, a, owner, 'owner')
  const make = (body: unknown, rest: object = {}) => send(test, 'POST', '/v1/accounts', { token: admin.token, body, ...rest })

  await t.test('an admin makes one: numbered, new, with its event', async (t) => {
    const made = await make({ name: 'Beta GmbH' })
    t.equal(made.status, 201, made.text)
    t.match(made.body, { name: 'Beta GmbH', number: /^C-10\d{3}$/, state: 'new', version: 1 })
    t.match(made.headers, { location: `/v1/accounts/${made.body.id}`, etag: '"v1"' })
    const [number] = await db.select().from(accountNumbers).where(eq(accountNumbers.number, made.body.number))
    t.equal(number?.accountId, made.body.id, 'the directory has it in the same commit')
    t.match(await eventsOf(test, made.body.id), [
      {
        kind: 'account.created',
        audience: 'account',
        actor: admin.id,
        capacity: 'staff',
        via: admin.staffMember,
        resourceType: 'account',
        resourceId: made.body.id,
        value: { number: made.body.number, name: 'Beta GmbH' },
      },
    ])
    const read = await send(test, 'GET', `/v1/accounts/${made.body.number}`, { token: support.token })
    t.strictSame(read.body, made.body)
  })

  await t.test('with domains and an owner all is one commit', async (t) => {
    const before = await letters(test)
    const made = await make({
      name: 'Gamma Oy',
      number: 'K.4711_a-b',
      owner: { address: 'Anna@Bücher.example', name: 'Anna' },
      domains: ['Bücher.Example.', 'gamma.example'],
    })
    t.equal(made.status, 201, made.text)
    t.equal(made.body.number, 'K.4711_a-b')
    const { id } = made.body
    const held = await db.select().from(domains).where(eq(domains.accountId, id)).orderBy(domains.name)
    t.match(held, [{ name: 'gamma.example' }, { name: 'xn--bcher-kva.example' }])
    const names = await db.select().from(domainNames).where(eq(domainNames.accountId, id)).orderBy(domainNames.name)
    t.strictSame(
      names.map(({ domainId }) => domainId),
      held.map((row) => row.id),
    )
    const [invited] = await db.select().from(contacts).where(eq(contacts.accountId, id))
    t.match(invited, { role: 'owner', status: 'invited', limited: false, invitedAddress: 'anna@xn--bcher-kva.example', addedByStaff: true })
    t.match(invited, { userId: null, confirmedAt: null, invitedBy: admin.id })
    const [token] = await db.select().from(singleUseTokens).where(eq(singleUseTokens.accountId, id))
    t.match(token, { purpose: 'contact_invitation', address: 'anna@xn--bcher-kva.example', name: 'Anna', contactId: invited?.id })
    t.equal(token?.secretHash, null, 'the secret is made when the letter leaves')
    t.equal(token && token.expiresAt.getTime() - token.createdAt.getTime(), 14 * 86_400_000)
    t.strictSame((await letters(test)).slice(before.length), [{ letter: 'token', token: token?.id }])
    t.strictSame(
      (await eventsOf(test, id)).map(({ kind }) => kind),
      ['account.created', 'domain.added', 'domain.added', 'contact.invited'],
    )
  })

  await t.test('an owner without a name is invited as well', async (t) => {
    const made = await make({ name: 'Nameless', owner: { address: 'bo@delta.example' } })
    const [token] = await db.select().from(singleUseTokens).where(eq(singleUseTokens.accountId, made.body.id))
    t.equal(token?.name, null)
  })

  await t.test('a number drawn is never one given by hand', async (t) => {
    const { number } = (await make({ name: 'One' })).body
    const next = (offset: number) => `C-${Number(number.slice(2)) + offset}`
    t.equal((await make({ name: 'By hand', number: next(1) })).status, 201)
    t.equal((await make({ name: 'By hand too', number: next(2) })).status, 201)
    t.equal((await make({ name: 'Two' })).body.number, next(3))
  })

  await t.test('a number that is taken is a conflict that names the field', async (t) => {
    const sent = await refusedOf(t, test, () => make({ name: 'Twin', number: a.number, domains: ['twin.example'] }, { key: true }))
    t.match(sent, { status: 409, body: { code: 'conflict', errors: [{ pointer: '#/number', code: 'taken' }] } })
    t.match(sent.body.detail, a.number)
  })

  await t.test('a name that is held is a conflict that names the field, and nothing of the account stays', async (t) => {
    const body = { name: 'Thief', owner: { address: 'x@thief.example' }, domains: ['thief.example', 'ALPHA.example'] }
    const sent = await refusedOf(t, test, () => make(body, { key: true }))
    t.match(sent, { status: 409, body: { code: 'conflict', errors: [{ pointer: '#/domains/1', code: 'taken' }] } })
    t.equal(sent.body.errors.length, 1)
    t.match(sent.body.detail, 'alpha.example')
  })

  for (const [what, body, pointer] of [
    ['a public suffix', { domains: ['ok.example', 'co.uk'] }, '#/domains/1'],
    ['a bad name', { domains: ['under_score.example'] }, '#/domains/0'],
    ['a name stated twice', { domains: ['twice.example', 'TWICE.example'] }, '#/domains/1'],
    ['a bad address', { owner: { address: 'no address' } }, '#/owner/address'],
    ['a number like a UUID', { number: '0192F3C1-6f0e-7c52-9f0a-0c6f2b0f1a11' }, '#/number'],
    ['a number with a blank', { number: 'C 1' }, '#/number'],
    ['a blank name', { name: '  ' }, '#/name'],
    ['a name of two lines', { name: 'a\nb' }, '#/name'],
    ['an unknown field', { state: 'open' }, '#/state'],
  ] as const) {
    await t.test(`${what} is refused`, async (t) => {
      const sent = await refusedOf(t, test, () => make({ name: 'Bad', ...body }, { key: true }))
      t.match(sent, { status: 422, body: { code: 'validation_error', errors: [{ pointer }] } }, sent.text)
    })
  }

  await t.test('only an admin makes accounts', async (t) => {
    for (const token of [owner.token, support.token]) {
      const sent = await refusedOf(t, test, () => make({ name: 'Mine' }, { token, key: true }))
      t.match(sent, {
        status: 403,
        body: { code: 'not_authorised', next: [{ rel: 'submission' }, { rel: 'grant-request' }, { rel: 'owner' }, { rel: 'authority' }] },
      })
      t.notOk(sent.body.reason)
    }
    t.equal((await refusedOf(t, test, () => make({ name: 'Mine' }, { token: undefined }))).status, 401)
  })

  await t.test('the same request with the same key makes one account and is answered alike', async (t) => {
    const body = { name: 'Once', domains: ['once.example'] }
    const first = await make(body, { key: 'once' })
    const again = await make(body, { key: 'once' })
    t.equal(first.status, 201)
    t.strictSame([again.status, again.body, again.headers['location']], [201, first.body, first.headers['location']])
    t.equal(again.headers['idempotency-replayed'], 'true')
    t.equal((await refusedOf(t, test, () => make({ name: 'Other' }, { key: 'once' }))).body.code, 'idempotency_key_reused')
  })

  await t.test('it needs no fresh sign-in: a new account takes nothing from anybody', async (t) => {
    const token = await tokenFor(test, admin.id, admin.session, 3_600)
    t.equal((await make({ name: 'Stale' }, { token })).status, 201)
  })
})
