/** S1–S5: the three searches, in pages, against brute force over single evaluations. */
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, domains as domainRows } from '../../src/database/tables.ts'
import { actions } from '../../src/vocabulary.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, person, staff } from '../fixtures/cast.ts'
import { panel, post } from '../oauth/stage.ts'

type Entity = { type: string; id: string }
/** With the account that an evaluation about it has to state. */
type Candidate = Entity & { account?: string }

t.test('searches say what single decisions say', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const provider = await panel(test)
  await test.context.db.update(accounts).set({ realm: provider.realm })
  const a1 = await domain(test, a, 'alpha.example')
  const a2 = await domain(test, a, 'alpha-two.example')
  const a3 = await domain(test, a, 'alpha-three.example')
  const b1 = await domain(test, b, 'beta.example')
  const owner = await person(test, 'Olga Owner')
  const limited = await person(test, 'Lena Limited')
  const billing = await person(test, 'Bill Billing')
  const developer = await person(test, 'Dan Developer')
  const former = await person(test, 'Fay Former')
  const other = await person(test, 'Otto Other')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, a, limited, 'technical', [a1, a2])
  await contact(test, a, billing, 'billing')
  await contact(test, a, other, 'technical')
  const otherContact = await contact(test, b, other, 'owner')
  const everything = ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close', 'domain.read']
  await grant(test, a, ownerContact, developer, [a1], { actions: everything })
  await grant(test, b, otherContact, developer, [b1], { actions: everything, reach: 'domain' })
  await grant(test, a, ownerContact, former, [a1], { actions: everything, status: 'revoked', endedAt: new Date(test.clock.now()) })
  const tickets: Candidate[] = []
  for (const [who, where, on, topic] of [
    [owner, a, a1, 'other'],
    [owner, a, null, 'billing'],
    [developer, a, a1, 'other'],
    [owner, a, a3, 'other'],
    [other, b, b1, 'other'],
  ] as const) {
    const body = { account: where.number, domain: on?.name ?? null, topic, subject: 'Broken', message: 'It broke.' }
    const made = await send(test, 'POST', '/v1/tickets', { token: who.token, key: true, body })
    t.equal(made.status, 201)
    tickets.push({ type: 'ticket', id: made.body.id })
  }
  const people = [owner, limited, billing, developer, former, other, stranger, support, admin]
  const accountEntities: Candidate[] = [a, b].map(({ id }) => ({ type: 'account', id }))
  const domains: Candidate[] = [a1, a2, a3, b1].map(({ id }, index) => ({ type: 'domain', id, account: index === 3 ? b.number : a.number }))
  const user = ({ id }: Pick<Person, 'id'>) => ({ type: 'user', id })
  const search = (token: string, what: string, body: object) => send(test, 'POST', `/access/v1/search/${what}`, { token, body })
  const service = await serviceToken()
  const askers = [owner, developer, support].map(({ token }) => token).concat(service)

  async function serviceToken(): Promise<string> {
    const form = { grant_type: 'client_credentials', client_id: provider.id, client_secret: provider.secret }
    return (await post(test, '/oauth/token', form)).body.access_token
  }

  /** All pages of a search, two at a time. */
  async function pages(token: string, what: string, body: object): Promise<(Entity & { name: string })[]> {
    const found = []
    for (let next: string | undefined; next !== ''; ) {
      const reply = await search(token, what, { ...body, page: { limit: 2, ...(next !== undefined && { token: next }) } })
      t.equal(reply.status, 200, reply.text)
      t.equal(reply.body.page.count, reply.body.results.length)
      t.ok(reply.body.results.length <= 2)
      found.push(...reply.body.results)
      next = reply.body.page.next_token as string
    }
    return found
  }

  async function permitted<T>(token: string, candidates: readonly T[], toEvaluation: (candidate: T) => object): Promise<T[]> {
    const { body } = await send(test, 'POST', '/access/v1/evaluations', { token, body: { evaluations: candidates.map(toEvaluation) } })
    return candidates.filter((_, index) => body.evaluations[index].decision)
  }

  const sorted = (entities: readonly { id: string }[]) => entities.map(({ id }) => id).sort()
  const asked = ['ticket.create', 'ticket.read', 'domain.read', 'account.read', 'staff.ticket.work']
  const context = { topic: 'other' }

  await t.test('S1: resource search', async (t) => {
    for (const token of askers) {
      for (const subject of [limited, developer].map(user)) {
        for (const name of asked) {
          const body = { subject, action: { name } }
          const evaluation = ({ account: stated, ...resource }: Candidate) => ({
            ...body,
            resource,
            context: { ...context, account: stated },
          })
          const expected = await permitted(token, [...accountEntities, ...domains, ...tickets], evaluation)
          for (const type of ['account', 'domain', 'ticket']) {
            const found = await pages(token, 'resource', { ...body, context, resource: { type } })
            t.strictSame(sorted(found), sorted(expected.filter((entity) => entity.type === type)), `${name} on ${type}`)
          }
        }
      }
    }
    const subject = user(admin)
    const all = await pages(support.token, 'resource', { subject, action: { name: 'staff.provision' }, resource: { type: 'account' } })
    t.strictSame(sorted(all), sorted(accountEntities), 'an admin everywhere')
    const wide = await pages(support.token, 'resource', { subject, action: { name: 'staff.provision' }, resource: { type: 'domain' } })
    t.strictSame(sorted(wide), sorted(domains), 'and on every domain')
    const body = { subject, action: { name: 'staff.provision' }, resource: { type: 'account' }, page: { limit: 1 } }
    const first = (await search(support.token, 'resource', body)).body
    const { body: second } = await search(support.token, 'resource', { ...body, page: { limit: 1, token: first.page.next_token } })
    t.strictSame(
      [...first.results, ...second.results].map(({ id }) => id),
      sorted(accountEntities),
      'also one by one',
    )
  })

  await t.test('resource search within a stated account', async (t) => {
    const body = { subject: user(developer), action: { name: 'ticket.create' }, resource: { type: 'domain', id: 'ignored' } }
    const on = async (number: string) => pages(developer.token, 'resource', { ...body, context: { ...context, account: number } })
    t.match(await on(a.number), [{ id: a1.id, properties: { account: a.number, name: 'alpha.example' } }])
    t.match(await on(b.number), [{ id: b1.id }])
    t.strictSame(await on('C-0'), [])
    const read = { ...body, action: { name: 'ticket.read' }, resource: { type: 'ticket' } }
    t.equal((await pages(other.token, 'resource', { ...read, subject: user(other), context: { account: b.number } })).length, 1)
  })

  await t.test('S2: subject search', async (t) => {
    const about = [
      ...accountEntities.slice(0, 1).map((resource) => ({ resource, context })),
      ...domains.slice(2).map(({ account: stated, ...resource }) => ({ resource, context: { ...context, account: stated } })),
      ...tickets.slice(0, 2).map((resource) => ({ resource, context })),
      { resource: { type: 'provider', id: 'provider' }, context },
      { resource: { type: 'domain', id: a1.id }, context },
    ]
    for (const token of askers) {
      for (const rest of about) {
        for (const name of ['ticket.read', 'grant.manage', 'staff.ticket.work']) {
          const body = { ...rest, action: { name } }
          const expected = await permitted(token, people, (subject) => ({ ...body, subject: user(subject) }))
          const found = await pages(token, 'subject', { ...body, subject: { type: 'user' } })
          t.strictSame(sorted(found), sorted(expected), `${name} on ${rest.resource.type}`)
        }
      }
    }
  })

  await t.test('S3: action search', async (t) => {
    const resource = { type: 'domain', id: a1.id }
    const known = { ...context, account: a.number }
    for (const token of [owner.token, developer.token, service]) {
      for (const subject of [limited, billing, developer, former, support].map(user)) {
        const expected = await permitted(token, actions, (name) => ({ subject, action: { name }, resource, context: known }))
        const found = await search(token, 'action', { subject, resource, context: known })
        t.strictSame(
          found.body.results.map(({ name }: { name: string }) => name),
          expected,
        )
      }
    }
  })

  await t.test('who is staff, and who there is at all, is not for contacts and services to ask', async (t) => {
    const resource = { type: 'account', id: a.id }
    for (const token of [owner.token, service]) {
      for (const name of ['staff.directory.read', 'staff.ticket.work', 'self.read']) {
        const found = await search(token, 'subject', { subject: { type: 'user' }, action: { name }, resource })
        const himself = token === owner.token && name === 'self.read' ? [user(owner)] : []
        t.strictSame(sorted(found.body.results), sorted(himself), name)
        for (const subject of [support, stranger].map(user)) {
          const one = await send(test, 'POST', '/access/v1/evaluation', { token, body: { subject, action: { name }, resource } })
          t.strictSame(one.body, { decision: false }, `${name}, one by one`)
        }
      }
    }
  })

  await t.test('a stranger gets his answer from the same statements, whether the account exists or not', async (t) => {
    const { client } = (test.context.db as unknown as { session: { client: { query: (...sent: unknown[]) => unknown } } }).session
    const { query } = client
    t.teardown(() => Object.assign(client, { query }))
    const texts: string[] = []
    client.query = (...sent) => {
      const [first] = sent as [string | { text: string }]
      texts.push(typeof first === 'string' ? first : first.text)
      return query.apply(client, sent)
    }
    for (const what of ['subject', 'resource']) {
      const subject = what === 'subject' ? { type: 'user' } : user(stranger)
      const seen = async (number: string) => {
        texts.length = 0
        const body = {
          subject,
          action: { name: 'domain.read' },
          resource: { type: 'domain', id: 'alpha.example' },
          context: { account: number },
        }
        t.strictSame((await search(stranger.token, what, body)).body.results, [])
        return [...texts]
      }
      const real = await seen(a.number)
      t.ok(real.length > 0)
      t.strictSame(await seen('C-0'), real, what)
    }
  })

  await t.test('what is unknown finds nothing, and a stranger learns nothing from it', async (t) => {
    const action = { name: 'ticket.create' }
    const empty = { results: [], page: { next_token: '', count: 0 } }
    for (const subject of [{ type: 'user', id: 'x' }, { type: 'machine', id: owner.id }, user({ id: uuid() })]) {
      for (const type of ['account', 'domain', 'ticket']) {
        t.strictSame((await search(owner.token, 'resource', { subject, action, resource: { type }, context })).body, empty)
        t.strictSame((await search(support.token, 'resource', { subject, action, resource: { type }, context })).body, empty)
      }
      t.strictSame((await search(owner.token, 'action', { subject, resource: accountEntities[0] })).body, empty)
    }
    const mine = { subject: user(owner), context }
    t.strictSame((await search(owner.token, 'resource', { ...mine, action, resource: { type: 'spaceship' } })).body, empty)
    t.strictSame((await search(owner.token, 'resource', { ...mine, action: { name: 'fly' }, resource: { type: 'domain' } })).body, empty)
    const ship = { type: 'spaceship', id: 'x' }
    t.strictSame((await search(owner.token, 'subject', { subject: { type: 'user' }, action, resource: ship })).body, empty)
    t.strictSame((await search(owner.token, 'subject', { subject: { type: 'ship' }, action, resource: accountEntities[0] })).body, empty)
    const whose = (number: string) => ({
      subject: { type: 'user' },
      action,
      resource: { type: 'domain', id: 'alpha.example' },
      context: { ...context, account: number },
    })
    const [real, invented] = [
      await search(stranger.token, 'subject', whose(a.number)),
      await search(stranger.token, 'subject', whose('C-0')),
    ]
    t.strictSame(real.body, empty)
    t.equal(real.text, invented.text)
  })

  await t.test('a page belongs to its search and its caller', async (t) => {
    const body = { subject: user(owner), action: { name: 'domain.read' }, resource: { type: 'domain' }, page: { limit: 1 } }
    const token = (await search(owner.token, 'resource', body)).body.page.next_token
    t.not(token, '')
    const next = { ...body, page: { limit: 1, token } }
    t.equal((await search(owner.token, 'resource', next)).status, 200)
    t.match(await search(support.token, 'resource', next), { status: 400, body: { code: 'unsupported_cursor' } })
    t.match(await search(owner.token, 'resource', { ...next, action: { name: 'ticket.read' } }), { status: 400 })
    t.equal((await search(owner.token, 'resource', { ...body, page: { limit: 1, token: 'x' } })).status, 400)
  })

  await t.test('more than a thousand domains are found in two pages, each of one statement', async (t) => {
    const c = await account(test, 'Gamma Ltd')
    await contact(test, c, owner, 'owner')
    const createdAt = new Date(test.clock.now())
    const rows = Array.from({ length: 1_001 }, (_, index) => ({ id: uuid(), accountId: c.id, name: `gamma-${index}.example`, createdAt }))
    await test.context.db.insert(domainRows).values(rows)
    const body = { subject: user(owner), action: { name: 'domain.read' }, resource: { type: 'domain' } }
    const page = async (token: string) => (await search(owner.token, 'resource', { ...body, page: { limit: 5_000, token } })).body
    const first = await page('')
    t.equal(first.page.count, 1_000, 'a page has no more, whatever is asked for')
    const second = await page(first.page.next_token)
    t.match(second.page, { count: 4, next_token: '' })
    const found = [...first.results, ...second.results]
    t.strictSame(sorted(found), sorted([a1, a2, a3, ...rows]), 'none twice and none left out')
  })
})
