/**
 * Small worlds for properties of the rule: two or three accounts, a few domains, and one caller with rows of every kind, dense enough
 * that every capacity justifies and every reason is given (`decide.test.ts` counts). Everything is drawn flat and then linked, so that
 * counterexamples shrink well.
 *
 * `FC_RUNS` runs more (or fewer) than 1,000 of each property; `FC_SEED` repeats a run whose seed a failure printed.
 */
import fc from 'fast-check'
import {
  type Ceiling,
  type ClientFact,
  type ContactFact,
  type ContactTarget,
  type DomainFact,
  type Facts,
  type GrantFact,
  type GrantorFact,
  type Question,
  question,
  questionAboutTicket,
  type SessionFact,
  type StaffFact,
  type TicketFact,
  type UserFact,
} from '../../src/authority/facts.ts'
import {
  type AccountState,
  type Action,
  accountActions,
  actions,
  type ContactRole,
  clientScopes,
  contactRoles,
  delegableActions,
  type GrantStatus,
  grantStatuses,
  type Reach,
  type StaffRole,
  sessionKinds,
  staffActions,
  staffRoles,
  topicKeys,
} from '../../src/vocabulary.ts'

// ---- running

const { FC_RUNS, FC_SEED } = process.env
export const runs = Number(FC_RUNS ?? 1_000)
export const parameters = (numRuns: number) => ({ numRuns, ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }) })

/** The property holds for everything drawn; it says no by throwing. `share` scales the number of runs. */
export function always<T>(arbitrary: fc.Arbitrary<T>, holds: (drawn: T) => void, share = 1): void {
  fc.assert(
    fc.property(arbitrary, (drawn) => holds(drawn)),
    parameters(Math.ceil(runs * share)),
  )
}

/** The same, over those drawn that the property is about; as many runs. */
export function alwaysWhere<T>(arbitrary: fc.Arbitrary<T>, about: (drawn: T) => boolean, holds: (drawn: T) => void): void {
  always(arbitrary.filter(about), holds)
}

// ---- words

export const now = Date.UTC(2026, 5, 1, 12)
export const day = 86_400_000

const idOf = (kind: number, index: number): string => `00000000-0000-4000-8000-0000000${kind}${index.toString(16).padStart(4, '0')}`
export const ids = {
  account: (index: number) => idOf(1, index),
  domain: (index: number) => idOf(2, index),
  contact: (index: number) => idOf(3, index),
  grant: (index: number) => idOf(4, index),
  ticket: (index: number) => idOf(5, index),
  user: (index: number) => idOf(6, index),
  other: (index: number) => idOf(7, index),
}
export const caller = ids.user(0)
const somebody = ids.user(1)

/** Known topics and unknown ones; the last is a name that every object has. */
export const topicWords = [...topicKeys, 'credentials', 'constructor'] as const

/** Mostly the first value, sometimes one of the others. */
function mostly<T>(weight: number, usual: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: fc.constant(usual), weight }, { arbitrary: fc.constantFrom(...others), weight: 1 })
}

const bits = (count: number) => fc.integer({ min: 0, max: 2 ** count - 1 })
const chosen = <T>(from: readonly T[], mask: number): T[] => from.filter((_, index) => (mask >> index) % 2 === 1)
const pick = <T>(from: readonly T[], index: number): T | undefined => from[index % Math.max(from.length, 1)]
const index = fc.nat(11)
/** Most of it happens in the first account. */
const place = mostly(2, 0, 1, 2)

// ---- rows, as they are drawn

const began = mostly(3, -10 * day, -1, 0, 1)
const ends = mostly(3, 10 * day, 20 * day, 1, 0, -1)
const ended = fc.constantFrom(-day, -1, 0, -90 * day + 1, -90 * day, -90 * day - 1)

const accountDraw = fc.record({
  state: fc.oneof(
    { arbitrary: fc.constant<AccountState>('open'), weight: 8 },
    { arbitrary: fc.constantFrom<AccountState>('restricted', 'closed', 'closed', 'new'), weight: 2 },
  ),
  changed: fc.constantFrom(-day, null, -90 * day - 1, -90 * day, -90 * day + 1),
  realm: fc.constantFrom(null, 'one', 'two'),
})

const domainDraw = fc.record({ account: place, released: mostly(4, null, -day, -1, 0) })

const contactDraw = fc.record({
  account: place,
  role: fc.constantFrom(...contactRoles),
  limited: fc.boolean(),
  domains: bits(4),
  confirmed: mostly(4, true, false),
  own: mostly(6, true, false),
})

const grantorDraw = fc.record({
  stands: mostly(9, true, false),
  role: mostly<ContactRole>(5, 'owner', 'manager', 'manager', 'technical', 'billing'),
  limited: mostly(3, false, true),
  domains: mostly(2, 15, 1, 3, 6, 0),
  confirmed: mostly(9, true, false),
  active: mostly(9, true, false),
  verified: mostly(9, true, false),
  elsewhere: mostly(15, false, true),
  compromised: mostly(15, false, true),
})

const grantDraw = fc.record({
  account: place,
  status: fc.oneof(
    { arbitrary: fc.constant<GrantStatus>('active'), weight: 4 },
    { arbitrary: fc.constantFrom<GrantStatus>(...grantStatuses, 'suspended', 'revoked', 'expired', 'exhausted'), weight: 1 },
  ),
  actions: fc.oneof(fc.constant(31), fc.constant(31), bits(5)),
  beyond: mostly<string | null>(12, null, 'grant.manage', 'staff.provision', 'self.manage', '__proto__'),
  topics: fc.oneof(fc.constant(null), fc.constant(null), bits(topicWords.length)),
  domains: fc.oneof(fc.constant(15), fc.constant(15), bits(4)),
  reach: fc.constantFrom<Reach>('own', 'domain'),
  maxUses: fc.constantFrom(null, null, 1, 2),
  uses: fc.nat(2),
  served: mostly(6, false, true),
  began,
  ends,
  ended,
  lineage: fc.array(index, { maxLength: 2 }),
  grantor: grantorDraw,
  own: mostly(9, true, false),
})

const topicDraw = fc.oneof(fc.constantFrom('website', 'other'), fc.constantFrom(...topicWords))

const ticketDraw = fc.record({
  account: place,
  domain: fc.option(index, { freq: 4 }),
  topic: topicDraw,
  contactsOnly: mostly(6, false, true),
  grant: fc.option(index, { freq: 3 }),
  created: fc.constantFrom(-20 * day, -10 * day - 1, -10 * day, -10 * day + 1, -1, 0),
})

type Way = 'person' | 'panel' | 'client' | 'odd'

const principalDraw = fc.record({
  way: fc.oneof({ arbitrary: mostly<Way>(5, 'person', 'panel'), weight: 9 }, { arbitrary: mostly<Way>(3, 'client', 'odd'), weight: 1 }),
  kind: fc.constantFrom(...sessionKinds),
  known: fc.boolean(),
  through: fc.boolean(),
  signedIn: mostly(60, true, false),
  signedOut: mostly<number | null>(60, null, -1, 0),
  ends: mostly(30, 10 * day, 1, 0, -1),
  active: mostly(60, true, false),
  verified: mostly(40, true, false),
  staff: mostly<StaffRole | null>(10, null, ...staffRoles),
  clientActive: mostly(20, true, false),
  realm: fc.constantFrom('one', 'two'),
  scopes: mostly(3, 2 ** clientScopes.length - 1, 31, 7, 2 ** clientScopes.length - 2),
})

const ceilingDraw = fc.record({
  account: place,
  domains: mostly(2, 0, 1, 3, 15),
  actions: mostly(3, 2 ** actions.length - 1, 31, 7, 2 ** actions.length - 2),
  grant: mostly<number | null>(2, null, 0, 1, 2),
})

const worldDraw = fc.record({
  accounts: fc.array(accountDraw, { minLength: 2, maxLength: 3 }),
  domains: fc.array(domainDraw, { minLength: 3, maxLength: 4 }),
  contacts: fc.array(contactDraw, { maxLength: 3 }),
  contactless: fc.boolean(),
  grants: fc.oneof(fc.array(grantDraw, { maxLength: 3 }), fc.array(grantDraw, { minLength: 1, maxLength: 4 })),
  tickets: fc.array(ticketDraw, { minLength: 3, maxLength: 8 }),
  principal: principalDraw,
  ceiling: fc.oneof({ arbitrary: fc.constant(null), weight: 9 }, { arbitrary: ceilingDraw, weight: 1 }),
})
type Draw<A> = A extends fc.Arbitrary<infer T> ? T : never
type WorldDraw = Draw<typeof worldDraw>

// ---- linked

/** Everything there is, and what of it a caller's facts are. */
export type World = { facts: Facts; domains: DomainFact[]; tickets: TicketFact[] }

export const worlds: fc.Arbitrary<World> = worldDraw.map(linked)

/** The accounts' own unreleased domains among four: what a limit or a grant can hold. */
type Hold = (account: string, mask: number) => string[]

function linked(drawn: WorldDraw): World {
  const accounts = drawn.accounts.map(({ state, changed, realm }, at) => ({
    id: ids.account(at),
    number: `C-${at}`,
    name: `Account ${at}`,
    state,
    accessUntil: changed === null ? null : now + changed + 90 * day,
    realm,
    revision: 0,
    version: 1,
  }))
  const accountAt = (at: number): string => pick(accounts, at)?.id as string
  const domains = drawn.domains.map(({ account, released }, at) => ({
    id: ids.domain(at),
    accountId: accountAt(account),
    name: `d${at}.example`,
    releasedAt: released === null ? null : now + released,
  }))
  const hold: Hold = (account, mask) => {
    const held = domains.filter(({ accountId, releasedAt }) => accountId === account && releasedAt === null)
    return chosen(
      held.map(({ id }) => id),
      mask,
    )
  }
  const contacts = (drawn.contactless ? [] : drawn.contacts).map((row, at) => contactOf(row, at, accountAt(row.account), hold))
  const grants = drawn.grants.map((row, at) => grantOf(row, at, accountAt(row.account), hold))
  const tickets = drawn.tickets.map((row, at) => ticketOf(row, at, accountAt(row.account), domains))
  const ceiling = drawn.ceiling === null ? null : ceilingOf(drawn.ceiling, accountAt, domains)
  return { facts: { now, ...principalOf(drawn.principal), ceiling, accounts, contacts, grants }, domains, tickets }
}

function contactOf(row: Draw<typeof contactDraw>, at: number, accountId: string, hold: Hold): ContactFact {
  const { role, confirmed, own } = row
  const limited = row.limited && role !== 'owner'
  const domains = limited ? hold(accountId, row.domains) : []
  return { id: ids.contact(at), accountId, userId: own ? caller : somebody, role, limited, domains, confirmed }
}

const approvedStatuses: readonly GrantStatus[] = ['active', 'suspended', 'revoked', 'resigned', 'expired', 'exhausted', 'superseded']

function grantOf(row: Draw<typeof grantDraw>, at: number, accountId: string, hold: Hold): GrantFact {
  const { status, beyond, reach, maxUses, uses, lineage, own } = row
  const running = ['requested', 'invited', 'active', 'suspended'].includes(status)
  return {
    id: ids.grant(at),
    accountId,
    granteeUserId: own ? caller : somebody,
    status,
    actions: [...chosen(delegableActions, row.actions), ...(beyond === null ? [] : [beyond])],
    topics: row.topics === null ? null : chosen(topicWords, row.topics),
    domains: hold(accountId, row.domains),
    reach,
    maxUses,
    uses,
    finished: maxUses !== null && uses >= maxUses && row.served,
    notBefore: now + row.began,
    expiresAt: now + Math.max(row.ends, row.began + 1),
    endedAt: running ? null : now + row.ended,
    approvedAt: approvedStatuses.includes(status) ? now - 10 * day : null,
    lineage: lineage.map(ids.grant).filter((id) => id !== ids.grant(at)),
    grantor: row.grantor.stands ? grantorOf(row.grantor, at, accountId, hold) : null,
  }
}

function grantorOf(row: Draw<typeof grantorDraw>, at: number, account: string, hold: Hold): GrantorFact {
  const { role, confirmed, active, verified, elsewhere } = row
  const limited = row.limited && role !== 'owner'
  return {
    id: ids.contact(at + 8),
    accountId: elsewhere ? ids.account(9) : account,
    userId: ids.user(at + 2),
    role,
    limited,
    domains: limited ? hold(account, row.domains) : [],
    confirmed,
    userStatus: active ? 'active' : 'suspended',
    userVerified: verified,
    userRevision: 0,
    compromised: row.compromised,
  }
}

function ticketOf(row: Draw<typeof ticketDraw>, at: number, accountId: string, domains: readonly DomainFact[]): TicketFact {
  const { topic, contactsOnly, created } = row
  const own = domains.filter((domain) => domain.accountId === accountId)
  const domainId = row.domain === null ? null : (pick(own, row.domain)?.id ?? null)
  const grantId = row.grant === null ? null : ids.grant(row.grant % 4)
  return { id: ids.ticket(at), accountId, domainId, topic, contactsOnly, grantId, createdAt: now + created, revision: 0 }
}

function ceilingOf(row: Draw<typeof ceilingDraw>, accountAt: (at: number) => string, domains: readonly DomainFact[]): Ceiling {
  const named = domains.map(({ id }) => id)
  const ceiling = { account: accountAt(row.account), domains: chosen(named, row.domains), actions: chosen(actions, row.actions) }
  return row.grant === null ? ceiling : { ...ceiling, grant: ids.grant(row.grant) }
}

type Principal = { session: SessionFact | null; user: UserFact | null; staff: StaffFact | null; client: ClientFact | null }

function principalOf(row: Draw<typeof principalDraw>): Principal {
  const { way, active, verified } = row
  const hasUser = way === 'odd' ? row.known : way !== 'client'
  const hasClient = way === 'odd' ? row.through : way !== 'person'
  const kind = way === 'odd' ? row.kind : way
  const staff = !hasUser || row.staff === null ? null : { id: ids.other(1), role: row.staff }
  const session: SessionFact = {
    id: ids.other(0),
    kind,
    method: 'password',
    level: 'one_factor',
    authenticatedAt: now - day,
    expiresAt: now + row.ends,
    endedAt: row.signedOut === null ? null : now + row.signedOut,
  }
  const user: UserFact = { id: caller, name: 'Carol Caller', status: active ? 'active' : 'suspended', verified, revision: 0 }
  const client: ClientFact = {
    id: ids.other(2),
    status: row.clientActive ? 'active' : 'disabled',
    scopes: chosen(clientScopes, row.scopes),
    realm: row.realm,
    mayStepUp: false,
    revision: 0,
  }
  return { session: row.signedIn ? session : null, user: hasUser ? user : null, staff, client: hasClient ? client : null }
}

// ---- questions

type Form = 'ticket' | 'create' | 'domain' | 'account' | 'staff' | 'self' | 'odd'

const questionDraw = fc.record({
  form: fc.constantFrom<Form>('ticket', 'ticket', 'ticket', 'ticket', 'create', 'create', 'create', 'domain', 'account', 'self', 'odd'),
  action: fc.nat(99),
  aimed: mostly(5, true, false),
  row: index,
  ticket: index,
  domain: index,
  inside: mostly(2, true, false),
  second: mostly<number | null>(4, null, 0, 1, 2, 3),
  named: mostly(6, 'held', 'unknown', 'foreign', 'none', 'none', 'impostor', 'released'),
  topic: mostly<string | null>(5, 'website', ...topicWords, null),
  contactsOnly: mostly(6, false, true),
  targets: fc.array(fc.record({ role: fc.constantFrom(...contactRoles) }), { maxLength: 2 }),
  displaced: mostly(9, false, true),
})
type QuestionDraw = Draw<typeof questionDraw>

/** A world under a token's ceiling. */
export const narrowed = <W extends World>(from: fc.Arbitrary<W>): fc.Arbitrary<W> =>
  fc.tuple(from, ceilingDraw).map(([world, row]) => {
    const accountAt = (at: number): string => pick(world.facts.accounts, at)?.id as string
    return { ...world, facts: { ...world.facts, ceiling: ceilingOf(row, accountAt, world.domains) } }
  })

/** Many more tickets of a world, for lists. */
export const tables = (from: fc.Arbitrary<World>): fc.Arbitrary<World> =>
  fc.tuple(from, fc.array(ticketDraw, { minLength: 10, maxLength: 30 })).map(([world, rows]) => {
    const accounts = world.facts.accounts.map(({ id }) => id)
    const tickets = rows.map((row, at) => ticketOf(row, at, pick(accounts, row.account) as string, world.domains))
    return { ...world, tickets }
  })

/** A world and what is asked in it, mostly about something that the caller has a row on. */
export type Instance = World & { question: Question }

export const instances: fc.Arbitrary<Instance> = fc
  .tuple(worlds, questionDraw)
  .map(([world, drawn]) => ({ ...world, question: questionOf(world, drawn) }))

/** The same with obstacles cleared away, so that much is permitted: by grants, or by contacts. */
export const favoured = (capacity: 'contact' | 'grant'): fc.Arbitrary<Instance> =>
  fc.tuple(worldDraw, questionDraw).map(([drawn, asked]) => {
    const world = linked(cleared(drawn, capacity))
    const form = capacity === 'grant' ? pick<Form>(['ticket', 'ticket', 'create', 'domain'], asked.action) : asked.form
    const row = capacity === 'grant' ? 0 : asked.row
    return { ...world, question: questionOf(world, { ...asked, form: form as Form, row, aimed: true, inside: true }) }
  })

function cleared(drawn: WorldDraw, capacity: 'contact' | 'grant'): WorldDraw {
  const sound = { signedIn: true, signedOut: null, ends: day, active: true, verified: true, staff: null } as const
  return {
    ...drawn,
    accounts: drawn.accounts.map((account, at) => (at === 0 ? { ...account, state: 'open' } : account)),
    domains: drawn.domains.map((domain, at) => (at === 0 ? { account: 0, released: null } : domain)),
    contactless: capacity === 'grant',
    contacts: drawn.contacts.map((contact) => ({ ...contact, own: true })),
    grants: drawn.grants.map((grant, at) => (at === 0 && capacity === 'grant' ? standing(grant) : grant)),
    principal: { ...drawn.principal, ...sound, way: 'person' },
    ceiling: null,
  }
}

/** In force, by a grantor who holds it all; for whom, for what and how much stays as it was drawn. */
function standing(grant: Draw<typeof grantDraw>): Draw<typeof grantDraw> {
  const grantor = { ...grant.grantor, stands: true, active: true, verified: true, confirmed: true, elsewhere: false, domains: 15 }
  const role = grantor.role === 'owner' ? 'owner' : 'manager'
  return {
    ...grant,
    account: 0,
    own: true,
    status: 'active',
    beyond: null,
    began: Math.min(grant.began, 0),
    ends: Math.max(grant.ends, 1),
    grantor: { ...grantor, role },
  }
}

/** Anything at all, and the likely. */
export const anything: fc.Arbitrary<Instance> = fc.oneof(instances, favoured('contact'), favoured('grant'))

/** Several questions about one world. */
export const interviews = fc
  .tuple(worlds, fc.array(questionDraw, { minLength: 4, maxLength: 4 }))
  .map(([world, drawn]) => ({ ...world, questions: drawn.map((each) => questionOf(world, each)) }))

type Row = ContactFact | GrantFact
const onTickets = ['ticket.read', 'ticket.reply', 'ticket.close'] as const
const oddActions = [...actions, 'ticket.delete', '__proto__', 'constructor', ''] as Action[]

function questionOf(world: World, drawn: QuestionDraw): Question {
  const { facts, domains } = world
  const rows = [...facts.contacts, ...facts.grants]
  const row = drawn.aimed ? pick(rows, drawn.row) : undefined
  const account = row?.accountId ?? (pick(facts.accounts, drawn.row)?.id as string)
  const asked = { domains: domainsOf(drawn, account, row, domains), topic: drawn.topic, contactsOnly: drawn.contactsOnly }
  const among = (list: readonly Action[]): Action => pick(list, drawn.action) as Action
  const ofStaff = facts.staff !== null || facts.user === null
  switch (ofStaff && drawn.aimed ? 'staff' : drawn.form) {
    case 'ticket':
      return displaced(aboutTicket(world, among(onTickets), account, row, drawn), drawn)
    case 'create':
      return question('ticket.create', account, asked)
    case 'domain':
      return question(among(['domain.read', 'domain.read', 'domain.manage', 'grant.read', 'grant.manage']), account, {
        domains: asked.domains,
      })
    case 'account': {
      const action = among([...accountActions, 'contact.manage', 'contact.manage', 'contact.manage'])
      const targets: ContactTarget[] = action.startsWith('contact.') ? drawn.targets : []
      return question(action, account, { targets, ...(drawn.inside ? { domains: asked.domains } : {}) })
    }
    case 'staff':
      return question(among(facts.staff === null ? ['staff.provision'] : staffActions), drawn.inside ? account : null)
    case 'self':
      return question(among(['self.read', 'self.manage']), null)
    default:
      return question(among(oddActions), drawn.second === 0 ? ids.account(9) : account, { ...asked, targets: drawn.targets })
  }
}

function aboutTicket({ tickets, domains }: World, action: Action, account: string, row: Row | undefined, drawn: QuestionDraw): Question {
  const own = tickets.filter(({ accountId }) => accountId === account)
  const inside = own.filter(({ domainId }) => domainId !== null && row?.domains.includes(domainId))
  const near = drawn.inside && inside.length > 0 ? inside : own
  const ticket = pick(near.length > 0 ? near : tickets, drawn.ticket) as TicketFact
  return questionAboutTicket(action, ticket, domains.find(({ id }) => id === ticket.domainId) ?? null)
}

/** A ticket held against another account than its own, marked otherwise, or with what is not done to tickets: no route asks so. */
function displaced(asked: Question, { displaced, domain, row, action }: QuestionDraw): Question {
  if (!displaced) return asked
  if (domain % 3 === 0) return { ...asked, account: ids.account(row % 3) }
  if (domain % 3 === 1) return { ...asked, contactsOnly: !asked.contactsOnly }
  return { ...asked, action: pick(accountActions, action) as Action }
}

function domainsOf(drawn: QuestionDraw, account: string, row: Row | undefined, domains: readonly DomainFact[]) {
  const own = domains.filter(({ accountId }) => accountId === account)
  const inside = own.filter(({ id }) => row?.domains.includes(id))
  const near = drawn.inside && inside.length > 0 ? inside : own
  const first = pick(near, drawn.domain)
  const second = drawn.second === null ? [] : chosen(near, drawn.second + 1).filter((domain) => domain !== first)
  if (drawn.named === 'none' || (first === undefined && drawn.named !== 'foreign')) return drawn.inside ? [] : [null]
  if (drawn.named === 'unknown') return [null, ...second]
  if (drawn.named === 'foreign') return [(pick(domains, drawn.domain) ?? null) as DomainFact | null]
  const stated = first as DomainFact
  if (drawn.named === 'impostor') return [{ ...stated, accountId: ids.account(8) }]
  return [drawn.named === 'released' ? { ...stated, releasedAt: now - 1 } : stated, ...second]
}
