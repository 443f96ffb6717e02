/** A closed account takes up nothing, whoever tries: it is told to be reopened first, nothing is written, and the attempt stays. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { accounts, contacts } from '../../src/database/tables.ts'
import { openTestApp, type Request, type Sent, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { eventsOf, refusedOf } from '../fixtures/ledger.ts'
import { setStage } from '../provisioning/stage.ts'

t.setTimeout(180_000)

const reopened = (id: string) => ({
  status: 409,
  body: { code: 'conflict', detail: /closed.*reopen/, next: [{ rel: 'reopen', href: `/v1/accounts/${id}/reopen` }] },
})

t.test('staff put nothing into a closed account', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const [a, other] = [await account(test, 'Alpha Ltd'), await account(test, 'Other Ltd')]
  const held = await domain(test, other, 'other.example')
  const d = await domain(test, a, 'alpha.example')
  const [owner, developer] = [await person(test, 'Olga Owner'), await person(test, 'Dan Developer')]
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  const manager = await contact(test, a, await person(test, 'Max Manager'), 'manager')
  const offered = { status: 'invited', approvedAt: null, createdAt: new Date(test.clock.now()) } as const
  const offer = await grant(test, a, ownerContact, developer, [d], offered)
  const path = `/v1/accounts/${a.id}`
  const by = (method: string, url: string, rest: Request = {}) => send(test, method, url, { token: admin.token, ...rest })
  const step = (verb: string, rest: Request = {}) => by('POST', `${path}/${verb}`, { body: { reason: 'Moved away' }, ...rest })
  t.equal((await step('close')).status, 200)

  /** Refused as closed, with nothing written and one event that says who tried. */
  const refused = async (what: string, act: () => Promise<Sent>) => {
    const before = await eventsOf(test, a.id)
    t.match(await refusedOf(t, test, act), reopened(a.id), what)
    const attempts = (await eventsOf(test, a.id)).slice(before.length)
    t.match(attempts, [{ kind: 'access.refused', audience: 'account', actor: admin.id, capacity: 'staff', reason: 'account_state' }], what)
    t.equal(attempts[0]?.via, null, 'no row has justified it')
  }
  const add = () => by('POST', `${path}/domains`, { key: 'put-in', body: { name: 'new.example' } })
  const invite = () => by('POST', `${path}/contacts`, { body: { address: 'new@people.example', role: 'technical' } })
  const change = (role: string, query = '') => by('PATCH', `${path}/contacts/${manager}${query}`, { ifMatch: 1, body: { role } })
  await refused('a domain', add)
  await refused('a domain of another account', () =>
    by('POST', `/v1/accounts/${other.id}/domains/${held.id}/transfer`, { ifMatch: 1, body: { to: a.number, reason: 'Sold to them' } }),
  )
  await refused('an invitation', invite)
  await refused('more than a contact has', () => change('owner'))
  await refused('the same, when only asked what would be', () => change('owner', '?validateOnly=true'))

  await t.test('and nobody gives or takes a grant there', async (t) => {
    const body = { grantee: { address: 'dev@agency.example' }, domains: [d.name], actions: ['ticket.read'] }
    const give = () => send(test, 'POST', `${path}/grants`, { token: owner.token, key: true, body })
    t.match(await refusedOf(t, test, give), { status: 403, body: { reason: 'account_state' } })
    const accept = () => send(test, 'POST', `/v1/me/grants/${offer}/accept`, { token: developer.token, ifMatch: 2 })
    t.match(await refusedOf(t, test, accept), { status: 409, body: { code: 'invalid_transition', from: 'cancelled' } })
  })

  await t.test('what only takes away needs no open account', async (t) => {
    t.match(await change('technical'), { status: 200, body: { role: 'technical' } })
    t.equal((await by('DELETE', `${path}/contacts/${manager}`)).status, 204)
  })

  await t.test('open again, it takes up what is put in, under the same key', async (t) => {
    const [row] = await db.select().from(accounts).where(eq(accounts.id, a.id))
    t.equal((await step('reopen', { ifMatch: row?.version as number })).status, 200)
    t.match(await add(), { status: 201, body: { name: 'new.example' } }, 'the refusal was not kept as its answer')
    t.equal((await invite()).status, 201)
  })
})

t.test('a service puts nothing into a closed account of its realm', async (t) => {
  const stage = await setStage(t)
  const { test, put, sync, token, shop } = stage
  const { db } = test.context
  const id = (await put('accounts/4711', { name: 'Alpha Ltd' })).body.id
  const user = (external: string, role = 'technical') => ({ subject: external, name: 'Una User', role })
  await put('accounts/4711/contacts/u-1', user('u-1', 'owner'))
  await put('accounts/4711/contacts/u-2', user('u-2'))
  await put('accounts/4711/domains/d-1', { name: 'alpha.example' })
  t.equal((await send(test, 'POST', `/v1/accounts/${id}/close`, { token, body: { reason: 'Moved away' } })).status, 200)

  const refused = async (what: string, act: () => Promise<Sent>, expected: object = reopened(id)) => {
    const before = await eventsOf(test, id)
    t.match(await act(), expected, what)
    const attempts = (await eventsOf(test, id)).slice(before.length)
    t.match(attempts, [{ kind: 'access.refused', actor: null, capacity: 'client', reason: 'account_state' }], `${what}: one event`)
  }
  for (const [path, body] of [
    ['domains/d-1', { name: 'alpha.example' }],
    ['domains/d-2', { name: 'two.example' }],
    ['contacts/u-3', user('u-3')],
    ['contacts/u-2', user('u-2', 'manager')],
    ['contacts/u-2', user('u-4')],
  ] as const) {
    const act = () => put(`accounts/4711/${path}`, body)
    await refused(`${path} ${JSON.stringify(body)}`, () => refusedOf(t, test, act))
  }
  await refused('by the other door', () =>
    refusedOf(t, test, () => send(test, 'POST', `/v1/accounts/${id}/domains`, { token, body: { name: 'two.example' } })),
  )

  await t.test('in a list, each row says so, and the account records it once', async (t) => {
    const listed = {
      external: '4711',
      name: 'Alpha Ltd',
      domains: [
        { external: 'd-1', name: 'alpha.example' },
        { external: 'd-2', name: 'two.example' },
      ],
      contacts: [
        { external: 'u-1', ...user('u-1', 'owner') },
        { external: 'u-3', ...user('u-3') },
      ],
    }
    const failed = { result: 'failed', problem: { code: 'conflict', detail: /reopen/ } }
    const rows = [{ result: 'unchanged' }, failed, failed, { result: 'unchanged' }, failed]
    const before = await db.select().from(contacts).where(eq(contacts.accountId, id))
    for (const dryRun of [true, false])
      await refused(`dry run: ${dryRun}`, () => sync({ accounts: [listed], dryRun }), { status: 200, body: { rows } })
    t.strictSame(await db.select().from(contacts).where(eq(contacts.accountId, id)), before)
  })

  await t.test('what is put as it is, or taken away, is as ever', async (t) => {
    t.match(await put('accounts/4711/contacts/u-2', user('u-2')), { status: 200, body: { changed: false } })
    t.match(await put('accounts/4711', { name: 'Alpha and Sons' }), { status: 200, body: { state: 'closed', changed: true } })
    t.equal((await stage.remove('accounts/4711/contacts/u-2')).status, 204)
    t.equal((await stage.remove('accounts/4711/domains/d-1')).status, 204)
  })
  t.equal((await db.select().from(accounts).where(eq(accounts.realm, shop.realm))).length, 1)
})
