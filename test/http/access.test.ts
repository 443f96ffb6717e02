import t from 'tap'
import { v7 as uuid } from 'uuid'
import type { DomainFact } from '../../src/authority/facts.ts'
import { accountRef, askOfPath, domainRef, isUuid, namedByPath, type On, type Secured } from '../../src/http/access.ts'
import { isStaff, standingOf } from '../../src/http/feature.ts'
import { setStage } from '../tickets/stage.ts'

const secured = (on: On, rest: Partial<Secured> = {}): Secured => ({ action: 'ticket.read', on, ...rest })

t.test('a path names what it says, and nothing else', async (t) => {
  const [id, other] = [uuid(), uuid()]
  t.strictSame(namedByPath(secured('ticket'), { ticket: id }), {
    account: undefined,
    domainIds: [],
    domainNames: [],
    contact: undefined,
    grant: undefined,
    ticket: id,
    user: undefined,
    submission: undefined,
  })
  t.match(namedByPath(secured('contact'), { account: 'C-1', contact: id }), { account: { number: 'C-1' }, contact: id, grant: undefined })
  t.match(namedByPath(secured('grant'), { account: id, grant: other }), { account: { id }, grant: other })
  t.match(namedByPath(secured('domain'), { account: id, domain: other }), { domainIds: [other], domainNames: [] })
  t.match(namedByPath(secured('domain'), { account: id, domain: 'BÜCHER.example.' }), {
    domainIds: [],
    domainNames: ['xn--bcher-kva.example'],
  })
  t.match(namedByPath(secured('user'), { user: id }), { user: id })
  t.strictSame(namedByPath(secured('everywhere'), {}), { everyAccount: true })
})

t.test('a list over everything is about one account alone where its query states one, and a query states nothing else', async (t) => {
  const id = uuid()
  t.strictSame(namedByPath(secured('everywhere'), {}, { account: id }), { account: { id } })
  t.strictSame(namedByPath(secured('everywhere'), {}, { account: 'C-1' }), { account: { number: 'C-1' } })
  for (const account of [undefined, ['C-1', 'C-2'], {}, null])
    t.strictSame(namedByPath(secured('everywhere'), {}, { account }), { everyAccount: true })
  t.match(namedByPath(secured('account'), { account: id }, { account: uuid() }), { account: { id } }, 'the path says it')
  t.match(namedByPath(secured('nothing'), {}, { account: id }), { account: undefined })
})

t.test('what cannot be an id or a name names nothing', async (t) => {
  for (const text of ['', 'x', '127.0.0.1', `${uuid()}0`, `{${uuid()}}`, uuid().replaceAll('-', ''), 'T-100001', '*', 'a b']) {
    const named = namedByPath(secured('domain'), { account: 'C-1', domain: text, contact: text, grant: text, ticket: text, user: text })
    t.match(named, { domainIds: [], domainNames: [], contact: undefined, grant: undefined, ticket: undefined, user: undefined }, text)
    t.notOk(isUuid(text))
  }
  for (const value of [undefined, null, 7, {}, [uuid()]]) t.notOk(isUuid(value))
  t.ok(isUuid(uuid().toUpperCase()))
})

t.test('an account and a domain go by id or by what people call them', async (t) => {
  const id = uuid()
  t.strictSame(accountRef(id), { id })
  t.strictSame(accountRef('C-10001'), { number: 'C-10001' })
  t.strictSame(domainRef(id), { id })
  t.strictSame(domainRef('Alpha.Example.'), { name: 'alpha.example' })
  t.equal(domainRef('not a name'), undefined)
})

t.test('only what a path names can be hidden; the rest is decided', async (t) => {
  for (const on of ['account', 'domain', 'contact', 'grant', 'ticket', 'user'] as const)
    t.type(askOfPath(secured(on), {}).seen, 'function', on)
  for (const on of ['nothing', 'body', 'everywhere'] as const) t.equal(askOfPath(secured(on), {}).seen, undefined, on)
})

t.test('the question is about what the path names, and there is none about what is not there', async (t) => {
  const released: DomainFact = { id: uuid(), accountId: uuid(), name: 'a.example', releasedAt: 1 }
  const nothing = { account: null, domains: [], ticket: null, contact: null, grant: null, user: null }
  const asked = (on: On, loaded: object, rest: Partial<Secured> = {}) =>
    askOfPath(secured(on, rest), {}).about({ ...nothing, ...loaded } as never, 'ticket.read')
  for (const on of ['account', 'domain', 'contact', 'grant', 'ticket', 'user'] as const) t.equal(asked(on, {}), null, on)
  for (const on of ['nothing', 'body', 'everywhere'] as const) t.match(asked(on, {}), { account: null, domains: [] }, on)
  t.match(asked('account', { account: { id: 'A' } }), { account: 'A', domains: [], ticket: null, targets: [] })
  t.match(asked('domain', { domains: [released] }), { domains: [{ releasedAt: 1 }] })
  t.match(
    asked('domain', { domains: [released] }, { again: true }),
    { domains: [{ releasedAt: null }] },
    'what only takes away may be repeated',
  )
  t.match(asked('contact', { account: { id: 'A' }, contact: { role: 'owner' } }), { account: 'A', targets: [{ role: 'owner' }] })
  t.match(asked('grant', { grant: { domains: [released] } }), { domains: [released] })
  t.match(asked('grant', { grant: { domains: [] } }), { domains: [] })
  t.match(asked('user', { user: { id: 'U' } }), { account: null })
  const ticket = { accountId: 'A', domainId: released.id, topic: 'other', contactsOnly: true }
  t.match(asked('ticket', { ticket, domains: [released] }), { account: 'A', domains: [released], topic: 'other', contactsOnly: true })
  t.match(asked('ticket', { ticket }), { domains: [null] }, 'a domain that was not loaded is none of the account')
})

t.test('each kind of thing is seen by whoever may read it, and by nobody else', async (t) => {
  const stage = await setStage(t)
  const { a, b, ask, domains: held, contacts, grants, people } = stage
  const ticket = (await stage.open('developer')).body.id
  const base = `/v1/accounts/${a.number}`
  const paths: Record<string, { url: string; seenBy: string[] }> = {
    domain: { url: `${base}/domains/alpha.example`, seenBy: ['owner', 'technical', 'limited', 'developer', 'support'] },
    'another domain': { url: `${base}/domains/${held.deep.id}`, seenBy: ['owner', 'technical', 'support'] },
    contact: { url: `${base}/contacts/${contacts.technical}`, seenBy: ['owner', 'technical', 'support'] },
    grant: { url: `${base}/grants/${grants.developer}`, seenBy: ['owner', 'technical', 'limited', 'support'] },
    ticket: { url: `/v1/tickets/${ticket}`, seenBy: ['owner', 'technical', 'limited', 'developer', 'support'] },
    user: { url: `/v1/users/${people.stranger.id}`, seenBy: ['support'] },
    "another account's domain": { url: `${base}/domains/${held.beta.id}`, seenBy: [] },
    "another account's domain by name": { url: `${base}/domains/beta.example`, seenBy: [] },
    "another account's contact": { url: `${base}/contacts/${contacts.otherOwner}`, seenBy: [] },
    'a grant below another account': { url: `/v1/accounts/${b.number}/grants/${grants.developer}`, seenBy: [] },
    'a contact below another account': { url: `/v1/accounts/${b.id}/contacts/${contacts.owner}`, seenBy: [] },
    'no account': { url: '/v1/accounts/C-0/grants', seenBy: [] },
  }
  for (const [what, { url, seenBy }] of Object.entries(paths)) {
    for (const who of ['owner', 'technical', 'limited', 'developer', 'billing', 'stranger', 'otherOwner', 'support']) {
      t.equal((await ask(who, 'GET', url)).status, seenBy.includes(who) ? 200 : 404, `${what}: ${who}`)
    }
  }
  const account = [`${base}/grants`, `/v1/accounts/${b.id}/grants`]
  const statuses = async (who: string) => Promise.all(account.map(async (url) => (await ask(who, 'GET', url)).status))
  t.strictSame(await statuses('billing'), [403, 404], 'an account is seen by whoever has a tie to it')
  t.strictSame(await statuses('otherOwner'), [404, 200])
  t.strictSame(await statuses('support'), [200, 200])
})

t.test('a handler without a secured route is a mistake of ours', async (t) => {
  t.throws(() => standingOf({ standing: null }), { message: 'the route is not secured' })
  const standing = { loaded: { facts: { staff: null } } } as never
  t.equal(standingOf({ standing }), standing)
  t.equal(isStaff(standing), false)
})
