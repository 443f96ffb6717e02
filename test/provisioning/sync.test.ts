/** Many accounts in one request: the report says of each row what became of it, and a dry run says the same and does nothing. */
import { and, eq } from 'drizzle-orm'
import t from 'tap'
import { accounts, contacts, externalAccounts } from '../../src/database/tables.ts'
import { account, contact, domain, person } from '../fixtures/cast.ts'
import { ledger, refusedOf } from '../fixtures/ledger.ts'
import { clientToken, panel } from '../oauth/stage.ts'
import { type Stage, setStage, shapeOf } from './stage.ts'

t.setTimeout(240_000)

const person1 = { external: 'u-1', subject: 'user-1', name: 'Olga', role: 'owner' }
const person2 = { external: 'u-2', subject: 'user-2', name: 'Max', role: 'technical', domains: ['d-1'] }
const alpha = {
  external: 'a/1',
  name: 'Alpha',
  domains: [
    { external: 'd-2', name: 'two.example' },
    { external: 'd-1', name: 'one.example' },
  ],
  contacts: [person2, person1],
}

const resultsOf = ({ body }: { body: { rows: { path: string; result: string }[] } }) =>
  Object.fromEntries(body.rows.map(({ path, result }) => [path.replace('accounts/a%2F1', 'a'), result]))

async function accountOf({ test: { context }, shop }: Stage, external: string): Promise<string> {
  const known = and(eq(externalAccounts.realm, shop.realm), eq(externalAccounts.externalId, external))
  const [row] = await context.db.select().from(externalAccounts).where(known)
  return row?.accountId ?? ''
}

const all = (result: string) => ({
  a: result,
  'a/domains/d-1': result,
  'a/domains/d-2': result,
  'a/contacts/u-1': result,
  'a/contacts/u-2': result,
})

t.test('what is new is created, what is the same is left alone, and a dry run tells it before', async (t) => {
  const stage = await setStage(t)
  const { test, sync } = stage
  const before = await ledger(test)
  const dry = await sync({ accounts: [alpha], dryRun: true })
  t.match([dry.status, dry.body.dryRun], [200, true])
  t.strictSame(resultsOf(dry), all('created'))
  t.strictSame(await ledger(test), before, 'a dry run writes nothing')
  const real = await sync({ accounts: [alpha] })
  t.strictSame([real.status, real.body], [200, { dryRun: false, rows: dry.body.rows, moreAbsent: false }])
  t.strictSame(await shapeOf(stage, await accountOf(stage, 'a/1')), {
    state: 'open',
    domains: ['one.example', 'two.example'],
    contacts: ['owner active confirmed added', 'technical active unconfirmed added'],
  })
  const { accounts: _before, ...after } = await ledger(test)
  t.strictSame(resultsOf(await sync({ accounts: [alpha] })), all('unchanged'))
  const { accounts: _revised, ...later } = await ledger(test)
  t.strictSame(later, after, 'and repeating it writes nothing but the revision of the account')
})

t.test('a partial list takes nothing away; a complete one does, from the accounts it names', async (t) => {
  const stage = await setStage(t)
  const { test, sync, put } = stage
  await put('accounts/b', { name: 'Beta' })
  await sync({ accounts: [alpha] })
  const id = await accountOf(stage, 'a/1')
  await domain(test, { id, number: '' }, 'staff.example')
  await contact(test, { id, number: '' }, await person(test, 'Invited'), 'billing')
  const less = {
    external: 'a/1',
    name: 'Alpha Inc',
    domains: [{ external: 'd-9', name: 'two.example' }],
    contacts: [{ ...person1, subject: 'user-9' }],
  }
  t.match(resultsOf(await sync({ accounts: [{ external: 'a/1', name: 'Alpha' }] })), { a: 'unchanged' })
  t.match(resultsOf(await sync({ accounts: [less] })), { a: 'changed', 'a/domains/d-9': 'failed', 'a/contacts/u-1': 'changed' })
  const expected = {
    a: 'unchanged',
    'a/domains/d-1': 'removed',
    'a/domains/d-2': 'removed',
    'a/domains/d-9': 'created',
    'a/contacts/u-1': 'unchanged',
    'a/contacts/u-2': 'removed',
    'accounts/b': 'absent',
  }
  const before = await ledger(test)
  const dry = await sync({ accounts: [less], complete: true, dryRun: true })
  t.strictSame(resultsOf(dry), expected)
  t.strictSame(await ledger(test), before)
  t.strictSame((await sync({ accounts: [less], complete: true })).body.rows, dry.body.rows)
  const { domains, contacts: people, state } = await shapeOf(stage, id)
  t.strictSame(
    domains.toSorted(),
    ['one.example released', 'staff.example', 'two.example', 'two.example released'],
    'what staff put in stays',
  )
  t.strictSame(people.filter((row) => /active/.test(row)).toSorted(), ['billing active confirmed invited', 'owner active confirmed added'])
  t.equal(state, 'open')
  t.equal((await test.context.db.select().from(accounts)).length, 2, 'no account ends')
})

t.test('a row that is wrong spoils no other', async (t) => {
  const stage = await setStage(t)
  const { test, sync } = stage
  const other = await account(test, 'Other')
  await domain(test, other, 'taken.example')
  const sent = await sync({
    accounts: [
      { external: 'n', name: 'Number', number: other.number, domains: [{ external: 'd', name: 'never.example' }] },
      {
        ...alpha,
        domains: [
          { external: 'd-1', name: 'taken.example' },
          { external: 'd-2', name: 'two.example' },
          { external: 'd-3', name: 'no name' },
        ],
        contacts: [person1, person2, { ...person1, external: 'u-3' }],
      },
    ],
  })
  t.equal(sent.status, 200)
  t.strictSame(resultsOf(sent), {
    'accounts/n': 'failed',
    a: 'created',
    'a/domains/d-1': 'failed',
    'a/domains/d-2': 'created',
    'a/domains/d-3': 'failed',
    'a/contacts/u-1': 'created',
    'a/contacts/u-2': 'failed',
    'a/contacts/u-3': 'failed',
  })
  const problems = new Map(sent.body.rows.map((row: { path: string; problem: object }) => [row.path, row.problem]))
  t.match(problems.get('accounts/n'), { code: 'conflict', errors: [{ pointer: '#/number', code: 'taken' }] })
  t.match(problems.get('accounts/a%2F1/domains/d-1'), { code: 'conflict', errors: [{ pointer: '#/name', code: 'taken' }] })
  t.match(problems.get('accounts/a%2F1/contacts/u-2'), {
    code: 'validation_error',
    errors: [{ pointer: '#/domains/0', code: 'unknown_domain' }],
  })
  t.match(problems.get('accounts/a%2F1/contacts/u-3'), { code: 'conflict', detail: /role already/ })
  t.equal((await test.context.db.select().from(accounts)).length, 2, 'of the account that failed nothing is left')
})

t.test('the last owner is not taken away by an empty list', async (t) => {
  const stage = await setStage(t)
  await stage.sync({ accounts: [alpha] })
  const sent = await stage.sync({ accounts: [{ external: 'a/1', name: 'Alpha' }], complete: true })
  t.match(resultsOf(sent), { 'a/contacts/u-1': 'failed', 'a/contacts/u-2': 'removed' })
  const owners = await stage.test.context.db.select().from(contacts).where(eq(contacts.role, 'owner'))
  t.match(owners, [{ status: 'active' }])
})

t.test('of the accounts a list lacks, 200 are named, and only those of the realm', async (t) => {
  const stage = await setStage(t)
  const { test, shop, sync } = stage
  const rival = await panel(test)
  await stage.put('accounts/theirs', { name: 'Theirs' }, { token: await clientToken(test, rival) })
  const at = new Date(test.clock.now())
  const rows = Array.from({ length: 201 }, (_, index) => ({ id: crypto.randomUUID(), number: `X-${index}`, name: 'X', realm: shop.realm }))
  await test.context.db.insert(accounts).values(rows.map((row) => ({ ...row, stateChangedAt: at, createdAt: at })))
  await test.context.db
    .insert(externalAccounts)
    .values(rows.map(({ id }, index) => ({ realm: shop.realm, externalId: `x-${1000 + index}`, accountId: id })))
  const sent = await sync({ accounts: [], complete: true })
  t.equal(sent.body.rows.length, 200)
  t.match(sent.body, { rows: [{ path: 'accounts/x-1000', result: 'absent' }], moreAbsent: true })
  t.notMatch(sent.text, /theirs/)
})

t.test('a list that is wrong as a whole is refused as a whole', async (t) => {
  const { test, sync } = await setStage(t)
  const refused = (accounts: unknown[]) => refusedOf(t, test, () => sync({ accounts }))
  t.match((await refused([alpha, { ...alpha, domains: [], contacts: [person1, person1] }])).body.errors, [
    { pointer: '#/accounts/1/external', code: 'duplicate' },
    { pointer: '#/accounts/1/contacts/1/external', code: 'duplicate' },
  ])
  const many = Array.from({ length: 200 }, (_, index) => ({ external: `d${index}`, name: 'x' }))
  const full = Array.from({ length: 10 }, (_, index) => ({ external: `a${index}`, name: 'A', domains: many }))
  t.match(await refused(full), { status: 422, body: { errors: [{ pointer: '#/accounts', code: 'too_many' }] } })
  t.equal((await refused(Array.from({ length: 201 }, () => alpha))).status, 422)
  t.equal((await refused([{ ...alpha, name: 'x'.repeat(2 ** 20) }])).status, 413)
  t.equal((await refused([{ ...alpha, extra: true }])).status, 422)
  const big = await sync({ accounts: [{ ...alpha, contacts: [], name: 'A' }, ...full.slice(0, 9)], dryRun: true })
  t.equal(big.status, 200)
})

t.test('what is no fault of a row fails the request, and leaves what was done before it', async (t) => {
  const stage = await setStage(t)
  const { test, sync, put } = stage
  const { enqueue } = test.jobs
  await put('accounts/1', { name: 'One' })
  await put('accounts/1/contacts/u', { subject: 'user-1', name: 'Olga', role: 'owner' })
  test.jobs.enqueue = async () => {
    throw new Error('the queue is away')
  }
  t.teardown(() => Object.assign(test.jobs, { enqueue }))
  const sent = await sync({
    accounts: [
      { external: '0', name: 'Zero' },
      { external: '1', name: 'One', contacts: [person2, { ...person2, domains: 'all' }].slice(1) },
    ],
  })
  t.equal(sent.status, 500)
  t.ok(await accountOf(stage, '0'))
})
