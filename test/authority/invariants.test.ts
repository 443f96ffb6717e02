/** What must hold of every decision, named after the invariants of docs/authority.md. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decide } from '../../src/authority/decide.ts'
import type { ContactFact, Decision, DomainFact, Facts, GrantFact, GrantorFact, Question } from '../../src/authority/facts.ts'
import { accountActions, accountStates, delegableActions, type GrantStatus, terminalGrantStatuses, topics } from '../../src/vocabulary.ts'
import { always, alwaysWhere, anything, day, favoured, type Instance, ids, interviews, now, type World, worlds } from './arbitraries.ts'
import { permits } from './specification.ts'

const answer = ({ facts, question }: Pick<Instance, 'facts' | 'question'>, at = now): Decision => decide(facts, question, at)
const isPermit = (instance: Pick<Instance, 'facts' | 'question'>): boolean => answer(instance).permit
const via = (decision: Decision): string => (decision.permit ? `${decision.via.capacity} ${decision.via.id}` : 'none')
const reasonOf = (decision: Decision): string | undefined => (decision.permit ? undefined : decision.reason)
/** A decision without what the row that justifies it says. */
const strip = (decision: Decision) => [decision.permit, via(decision), reasonOf(decision)]

const byKey = (a: readonly [number, unknown], b: readonly [number, unknown]): number => a[0] - b[0]
const ended = (grant: GrantFact, status: GrantStatus): GrantFact => ({ ...grant, status, endedAt: now - 1 })

/** One question that a grant permits, and the grant alone: everything else that could justify it is taken away. */
type UnderGrant = { facts: Facts; question: Question; grant: GrantFact }
const underGrants: fc.Arbitrary<UnderGrant> = favoured('grant')
  .filter(isPermit)
  .map(({ facts, question }) => {
    const decision = decide(facts, question, now)
    assert.ok(decision.permit && decision.via.capacity === 'grant')
    const { grant } = decision.via
    return { facts: { ...facts, grants: [grant] }, question, grant }
  })
const underContacts = favoured('contact').filter((instance) => via(answer(instance)).startsWith('contact'))
const permitted = anything.filter(isPermit)

const withGrant = (facts: Facts, change: Partial<GrantFact>): Facts => ({
  ...facts,
  grants: facts.grants.map((grant) => ({ ...grant, ...change })),
})

t.test('D4: independent of order and duplicates of facts', async () => {
  const order = fc.infiniteStream(fc.nat())
  always(fc.tuple(anything, order), ([{ facts, question }, keys]) => {
    const mixed = <T>(rows: readonly T[]): T[] =>
      [...rows, ...rows]
        .map((row) => [keys.next().value, row] as const)
        .sort(byKey)
        .map(([, row]) => row)
    const contactMixed = (contact: ContactFact): ContactFact => ({ ...contact, domains: mixed(contact.domains) })
    const grantMixed = (grant: GrantFact): GrantFact => ({
      ...grant,
      actions: mixed(grant.actions),
      domains: mixed(grant.domains),
      topics: grant.topics && mixed(grant.topics),
      lineage: mixed(grant.lineage),
      grantor: grant.grantor && { ...grant.grantor, domains: mixed(grant.grantor.domains) },
    })
    const { accounts, contacts, grants } = facts
    const other = {
      ...facts,
      accounts: mixed(accounts),
      contacts: mixed(contacts.map(contactMixed)),
      grants: mixed(grants.map(grantMixed)),
    }
    const first = decide(facts, question, now)
    const second = decide(other, { ...question, domains: mixed(question.domains), targets: mixed(question.targets) }, now)
    assert.deepEqual(strip(second), strip(first))
  })
})

t.test('D5: independent of renaming ids', async () => {
  always(fc.tuple(anything, fc.nat(15)), ([{ facts, question }, mask]) => {
    const first = decide(facts, question, now)
    const second = decide(renamed(facts, mask), renamed(question, mask), now)
    assert.deepEqual([second.permit, reasonOf(second)], [first.permit, reasonOf(first)])
    // Of rows that are worth the same the lower id is told: under other names it may be another of them.
    const justifying = permits(facts, question, now).map((row) => `${row.capacity} ${renamed(row.id, mask)}`)
    assert.ok(!second.permit || justifying.includes(via(second)))
  })
})

t.test('D6: a write to one account leaves every decision on another unchanged', async () => {
  always(fc.tuple(anything, worlds), ([{ facts, question }, other]) => {
    const { account } = question
    const elsewhere = <T extends { accountId: string }>(before: readonly T[], after: readonly T[]): T[] => [
      ...before.filter(({ accountId }) => accountId === account),
      ...after.filter(({ accountId }) => accountId !== account),
    ]
    const changed: Facts = {
      ...facts,
      accounts: [...facts.accounts.filter(({ id }) => id === account), ...other.facts.accounts.filter(({ id }) => id !== account)],
      contacts: elsewhere(facts.contacts, other.facts.contacts),
      grants: elsewhere(facts.grants, other.facts.grants),
    }
    assert.deepEqual(decide(changed, question, now), decide(facts, question, now))
  })
})

t.test('D7: adding a live grant only adds permits', async () => {
  always(fc.tuple(permitted, underGrants), ([{ facts, question }, { grant }]) => {
    const added = { ...grant, id: ids.grant(9), accountId: question.account ?? grant.accountId }
    assert.ok(decide({ ...facts, grants: [...facts.grants, added] }, question, now).permit)
  })
})

t.test('D7: ending a grant removes only what it alone justified', async () => {
  const holding = fc.oneof(favoured('grant'), favoured('contact')).filter(({ facts }) => facts.grants.length > 0)
  always(holding, ({ facts, question }) => {
    for (const ending of facts.grants) {
      const grants = facts.grants.map((grant) => (grant === ending ? ended(grant, 'revoked') : grant))
      const others = permits(facts, question, now).filter(({ id }) => id !== ending.id)
      assert.equal(decide({ ...facts, grants }, question, now).permit, others.length > 0)
    }
  })
})

t.test('A2: what a grant permits, its grantor is permitted when he asks himself', async () => {
  always(underGrants, ({ facts, question, grant }) => {
    const grantor = grant.grantor as GrantorFact
    const user = { id: grantor.userId, name: '', status: grantor.userStatus, verified: grantor.userVerified, revision: 0 }
    const decision = decide({ ...facts, user, contacts: [grantor], grants: [] }, question, now)
    assert.equal(via(decision), `contact ${grantor.id}`)
  })
})

t.test('A3: no grant permits what is not delegable or confidential, whatever it says', async () => {
  const everything = accountActions.filter((action) => action !== 'account.update')
  const greedy = favoured('grant').map((instance) => ({
    ...instance,
    facts: withGrant(instance.facts, { actions: everything, topics: [...Object.keys(topics), 'credentials'], reach: 'domain' }),
  }))
  always(fc.tuple(greedy, fc.constantFrom(...accountActions), fc.boolean()), ([{ facts, question }, other, instead]) => {
    const action = instead ? other : question.action
    const decision = decide(facts, { ...question, action }, now)
    if (!decision.permit) return
    assert.ok((delegableActions as readonly string[]).includes(action))
    assert.ok(question.topic === null || topics[question.topic as keyof typeof topics]?.confidential === false)
  })
})

t.test('A4: neither a token’s ceiling nor a client nor its session adds anything', async () => {
  alwaysWhere(
    permitted,
    ({ facts }) => facts.user !== null,
    ({ facts, question }) => {
      assert.ok(decide({ ...facts, ceiling: null }, question, now).permit)
      assert.ok(decide({ ...facts, client: null }, question, now).permit)
      assert.ok(decide({ ...facts, session: facts.session && { ...facts.session, kind: 'person' } }, question, now).permit)
    },
  )
})

t.test('A4: under a ceiling only what it names: account, domains, actions, grant', async () => {
  const drawn = fc.tuple(fc.oneof(underGrants, underContacts), fc.nat(3), fc.boolean())
  always(drawn, ([{ facts, question }, mask, byGrant]) => {
    const domains = question.domains.filter((domain) => domain !== null).map(({ id }) => id)
    const named = domains.filter((_, at) => (mask >> at) % 2 === 1)
    const grant = byGrant ? { grant: facts.grants[0]?.id ?? 'none' } : {}
    const ceiling = { account: question.account as string, domains: named, actions: [question.action], ...grant }
    const under = (change: object): Decision => decide({ ...facts, ceiling: { ...ceiling, ...change } }, question, now)
    const decision = under({})
    const isInside = named.length === 0 || named.length === domains.length
    const byThatGrant = permits(facts, question, now).some(({ capacity, id }) => capacity === 'grant' && id === grant.grant)
    assert.equal(decision.permit, isInside && (!byGrant || byThatGrant))
    for (const change of [{ account: ids.account(9) }, { actions: [] }, { domains: [ids.domain(9)] }, { grant: ids.grant(9) }]) {
      assert.deepEqual(under(change), { permit: false, reason: 'token_ceiling' })
    }
  })
})

t.test('T1: a permit through a grant lies in [notBefore, expiresAt), 1 ms either side of both ends', async () => {
  always(fc.tuple(underGrants, fc.integer({ min: 1, max: 400 * day })), ([{ facts, question, grant }, length]) => {
    const { notBefore } = grant
    const forever = { ...facts, session: facts.session && { ...facts.session, expiresAt: notBefore + 1_000 * day } }
    const lasting = withGrant(forever, { expiresAt: notBefore + length })
    const at = (instant: number): boolean => decide(lasting, question, instant).permit
    assert.deepEqual([notBefore - 1, notBefore, notBefore + length - 1, notBefore + length].map(at), [false, true, true, false])
  })
})

t.test('T1: a permit lies before the end of its session, 1 ms either side', async () => {
  always(fc.tuple(underContacts, fc.integer({ min: 1, max: 400 * day })), ([{ facts, question }, length]) => {
    const session = facts.session && { ...facts.session, expiresAt: now + length }
    const accounts = facts.accounts.map((account) => ({ ...account, state: 'open' as const }))
    const at = (instant: number): Decision => decide({ ...facts, accounts, session }, question, instant)
    assert.ok(at(now + length - 1).permit)
    assert.deepEqual(at(now + length), { permit: false, reason: 'principal_inactive' })
  })
})

t.test('T1: what a closed account leaves its owners ends 90 days after closing, 1 ms either side', async () => {
  const owners = underContacts.map((instance) => {
    const { facts } = instance
    const accounts = facts.accounts.map((account) => ({ ...account, state: 'closed' as const, accessUntil: now + 90 * day }))
    const session = facts.session && { ...facts.session, expiresAt: now + 1_000 * day }
    return {
      ...instance,
      facts: { ...facts, accounts, session, contacts: facts.contacts.map((row) => ({ ...row, role: 'owner' as const })) },
    }
  })
  always(owners.filter(isPermit), (instance) => {
    assert.ok(answer(instance, now + 90 * day - 1).permit)
    assert.deepEqual(answer(instance, now + 90 * day), { permit: false, reason: 'account_state' })
  })
})

t.test('D3: what a grant alone justifies is denied for the state of any account that is not open', async () => {
  const states = fc.constantFrom(...accountStates.filter((state) => state !== 'open'))
  always(fc.tuple(underGrants, states), ([{ facts, question, grant }, state]) => {
    const accounts = facts.accounts.map((account) => (account.id === grant.accountId ? { ...account, state } : account))
    const decision = decide({ ...facts, accounts, contacts: [] }, question, now)
    assert.deepEqual(decision, { permit: false, reason: 'account_state' })
  })
})

t.test('T3: a terminal grant is never live, at any time', async () => {
  always(
    fc.tuple(underGrants, fc.constantFrom(...terminalGrantStatuses), fc.integer()),
    ([{ facts, question, grant }, status, instant]) => {
      const over = { ...facts, grants: [ended(grant, status)] }
      for (const at of [now, grant.notBefore, grant.expiresAt - 1, instant]) assert.ok(!decide(over, question, at).permit)
    },
  )
})

t.test('T4: a clock stepping back revives nothing whose end has been recorded', async () => {
  always(fc.tuple(underGrants, fc.integer({ min: 0, max: 20 * day })), ([{ facts, question, grant }, back]) => {
    assert.ok(!decide({ ...facts, grants: [ended(grant, 'expired')] }, question, now - back).permit)
    const session = facts.session && { ...facts.session, endedAt: now }
    assert.ok(!decide({ ...facts, session }, question, now - back).permit)
  })
})

t.test('T5: whether the end of a grant’s time, or of its uses, has been recorded changes no decision, nor its reason', async () => {
  const running: readonly GrantStatus[] = ['active', 'suspended']
  const endOf = ({ status, maxUses, uses, finished, expiresAt }: GrantFact): GrantStatus | undefined => {
    if (!running.includes(status)) return undefined
    const isOver = expiresAt <= now
    if (maxUses !== null && uses >= maxUses && (finished || isOver)) return 'exhausted'
    return isOver ? 'expired' : undefined
  }
  always(fc.tuple(anything, fc.nat(20 * day)), ([{ facts, question }, late]) => {
    const grants = facts.grants.map((grant) => {
      const status = endOf(grant)
      return status === undefined ? grant : { ...grant, status, endedAt: grant.expiresAt + late }
    })
    assert.deepEqual(decide({ ...facts, grants }, question, now), decide(facts, question, now))
  })
})

t.test('R3: what is revoked takes nothing else with it', async () => {
  always(fc.tuple(anything, fc.nat(3)), ([world, at]) => {
    const domain = world.domains[at % world.domains.length] as DomainFact
    const names = ({ ticket, domains }: Question) => ticket?.domainId === domain.id || domains.some((named) => named?.id === domain.id)
    // Whose grantor holds all of it but this domain, that grant is live from then on, which gives and takes nothing.
    const isLacking = ({ domains, grantor }: GrantFact) =>
      domains.includes(domain.id) && grantor?.limited === true && !grantor.domains.includes(domain.id)
    if (names(world.question) || world.facts.grants.some(isLacking)) return
    // The limit or grant that held nothing else stays one without any domain; what it was not good for before it is not good for now.
    assert.deepEqual(strip(decide(released(world, domain).facts, world.question, now)), strip(decide(world.facts, world.question, now)))
  })
})

t.test('R5: a grantor who lost any of it takes his grant with him, until it is adopted', async () => {
  always(fc.tuple(underGrants, fc.nat(20)), ([{ facts, question, grant }, index]) => {
    const grantor = grant.grantor as GrantorFact
    const limit = grantor.limited ? grantor.domains : grant.domains
    const losses: (Partial<GrantorFact> | null)[] = [
      null,
      { userStatus: 'suspended' },
      { userVerified: false },
      { role: 'technical' },
      { role: 'billing' },
      { confirmed: false },
      { compromised: true },
      { accountId: ids.account(9) },
      { role: 'manager', limited: true, domains: limit.filter((id) => id !== grant.domains[index % grant.domains.length]) },
    ]
    for (const loss of losses) {
      const lost = withGrant(facts, { grantor: loss && { ...grantor, ...loss } })
      assert.deepEqual(decide(lost, question, now), { permit: false, reason: 'grant_suspended' })
      const adopter: GrantorFact = {
        ...grantor,
        id: ids.contact(15),
        userId: ids.user(15),
        role: 'manager',
        limited: true,
        domains: grant.domains,
        compromised: false,
      }
      assert.ok(decide(withGrant(lost, { grantor: adopter }), question, now).permit)
    }
  })
})

t.test('R6: a suspended user, an ended session, a disabled client: deny everywhere', async () => {
  const inactive = { permit: false, reason: 'principal_inactive' }
  always(interviews, ({ facts, questions }) => {
    const { user, session, client } = facts
    for (const question of questions) {
      if (user !== null) assert.deepEqual(decide({ ...facts, user: { ...user, status: 'suspended' } }, question, now), inactive)
      if (session !== null) assert.deepEqual(decide({ ...facts, session: { ...session, endedAt: now } }, question, now), inactive)
      if (client !== null) assert.deepEqual(decide({ ...facts, client: { ...client, status: 'disabled' } }, question, now), inactive)
      assert.deepEqual(decide({ ...facts, session: null }, question, now), inactive)
    }
  })
})

t.test('R7: a released domain falls out, for grants and limited contacts', async () => {
  const onDomain = fc.oneof(favoured('grant'), underContacts).filter((world) => isPermit(world) && world.question.domains.length > 0)
  always(onDomain, (world) => {
    const domain = world.question.domains[0] as DomainFact
    const decision = answer(released(world, domain))
    assert.ok(!decision.permit || (decision.via.capacity === 'contact' && !decision.via.contact.limited))
    // Whatever the rows still say: the domain itself speaks against it.
    const { question } = released(world, domain)
    const stale = decide(world.facts, question, now)
    assert.ok(!stale.permit || (stale.via.capacity === 'contact' && !stale.via.contact.limited))
  })
})

t.test('C1: a permit that names a domain names one of the account, unreleased but for its own tickets’ history', async () => {
  always(permitted, ({ facts, question }) => {
    const decision = decide(facts, question, now)
    if (!decision.permit || (decision.via.capacity !== 'contact' && decision.via.capacity !== 'grant')) return
    const onHistory = ['ticket.read', 'ticket.reply', 'ticket.close'].includes(question.action) && question.ticket !== null
    const unlimited = decision.via.capacity === 'contact' && !decision.via.contact.limited
    for (const domain of question.domains) {
      assert.equal(domain?.accountId, question.account)
      assert.ok(domain?.releasedAt === null || (onHistory && unlimited && question.ticket?.domainId === domain?.id))
    }
  })
})

t.test('C1: on a domain that was released an account keeps reading, answering and closing its tickets, and nothing else', async () => {
  const aboutTickets = anything.filter(({ question }) => question.ticket !== null && question.ticket.domainId === question.domains[0]?.id)
  always(aboutTickets, ({ facts, question }) => {
    const account = question.ticket?.accountId as string
    const owner: ContactFact = {
      id: ids.contact(9),
      accountId: account,
      userId: ids.user(9),
      role: 'owner',
      limited: false,
      domains: [],
      confirmed: true,
    }
    const user = { id: owner.userId, name: '', status: 'active' as const, verified: true, revision: 0 }
    const session = {
      id: '',
      kind: 'person' as const,
      method: 'password' as const,
      level: 'one_factor' as const,
      authenticatedAt: now,
      expiresAt: now + day,
      endedAt: null,
    }
    const accounts = facts.accounts.map((row) => ({ ...row, state: 'open' as const }))
    const own: Facts = { now, session, user, staff: null, client: null, ceiling: null, accounts, contacts: [owner], grants: [] }
    const domains = question.domains.map((domain) => domain && { ...domain, accountId: account, releasedAt: now })
    const kept = accountActions.filter((action) => decide(own, { ...question, account, action, domains }, now).permit)
    assert.deepEqual(kept, ['ticket.read', 'ticket.reply', 'ticket.close'])
  })
})

t.test('C1: another account’s domain, ticket or name in the question denies it', async () => {
  const strange = fc.constantFrom<(question: Question) => Question>(
    (question) => ({ ...question, domains: question.domains.map((domain) => domain && { ...domain, accountId: ids.account(9) }) }),
    (question) => ({ ...question, domains: [...question.domains, null] }),
    (question) => ({ ...question, ticket: question.ticket && { ...question.ticket, accountId: ids.account(9) } }),
    (question) => ({ ...question, account: ids.account(9) }),
    (question) => ({ ...question, account: null }),
  )
  const about = ({ question }: UnderGrant | Instance) => question.domains.length > 0 && question.ticket !== null
  always(fc.tuple(fc.oneof(underGrants, underContacts).filter(about), strange), ([{ facts, question }, alter]) =>
    assert.ok(!decide(facts, alter(question), now).permit),
  )
})

t.test('C3: no property that a caller could add widens a decision, or changes it at all', async () => {
  const words = ['admin', 'permit', 'via', 'staffRole', 'isStaff', 'grantId', 'owner', 'reason', 'scope', 'roles', 'subject', 'properties']
  const junk = fc.dictionary(fc.constantFrom(...words), fc.oneof(fc.constant(true), fc.constant('owner'), fc.anything()))
  always(fc.tuple(anything, junk), ([{ facts, question }, extra]) => {
    const widened = <T extends object>(row: T): T => ({ ...extra, ...row })
    const richer: Facts = {
      ...widened(facts),
      session: facts.session && widened(facts.session),
      user: facts.user && widened(facts.user),
      accounts: facts.accounts.map(widened),
      contacts: facts.contacts.map(widened),
      grants: facts.grants.map(widened),
    }
    const domains = question.domains.map((domain) => domain && widened(domain))
    const asked = {
      ...widened(question),
      domains,
      targets: question.targets.map(widened),
      ticket: question.ticket && widened(question.ticket),
    }
    const first = decide(facts, question, now)
    const second = decide(richer, asked, now)
    assert.deepEqual(strip(second), strip(first))
  })
})

t.test('C4: knowing an id or a name changes no decision', async (t) => {
  const signedIn = anything.filter(({ facts }) => facts.ceiling === null && facts.staff === null && facts.user !== null)

  await t.test('without a row on the account, everything is as if it did not exist', async () => {
    always(signedIn, ({ facts, question }) => {
      const away = <T extends { accountId: string }>(rows: readonly T[]) => rows.filter(({ accountId }) => accountId !== question.account)
      const stranger = { ...facts, contacts: away(facts.contacts), grants: away(facts.grants) }
      const invented = { ...question, account: ids.account(9), domains: [null], ticket: null, topic: null, contactsOnly: false }
      assert.deepEqual(decide(stranger, question, now), decide(stranger, invented, now))
    })
  })

  await t.test('to a grantee and to a limited contact every domain outside is the same, held by the account or not', async () => {
    const narrow = signedIn.map(({ facts, ...rest }) => ({
      ...rest,
      facts: { ...facts, contacts: facts.contacts.filter(({ limited }) => limited) },
    }))
    always(narrow, ({ facts, question }) => {
      const rows = [...facts.contacts, ...facts.grants].filter(({ accountId }) => accountId === question.account)
      const inside = (domain: DomainFact | null) => rows.some(({ domains }) => domain !== null && domains.includes(domain.id))
      const unknown = { ...question, domains: question.domains.map((domain) => (inside(domain) ? domain : null)) }
      assert.deepEqual(decide(facts, question, now), decide(facts, unknown, now))
    })
  })
})

// ---- what is done to facts

/** Another name for every id, one to one and in another order. */
function renamed<T>(value: T, mask: number): T {
  const text = JSON.stringify(value).replaceAll(/(00000000-0000-4000-8000-0000000\d000)([0-9a-f])/g, (_, head, digit) => {
    return `${head}${(Number.parseInt(digit, 16) ^ mask).toString(16)}`
  })
  return JSON.parse(text)
}

/** The world after the account gave the domain up: it is in no limit and no grant any more. */
function released<W extends World & { question: Question }>(world: W, domain: DomainFact): W {
  const without = <R extends { domains: readonly string[] }>(row: R): R => ({
    ...row,
    domains: row.domains.filter((id) => id !== domain.id),
  })
  const gone = <D extends DomainFact | null>(named: D): D => (named?.id === domain.id ? { ...named, releasedAt: now } : named)
  const grants = world.facts.grants.map(without).map((grant) => ({ ...grant, grantor: grant.grantor && without(grant.grantor) }))
  return {
    ...world,
    facts: { ...world.facts, contacts: world.facts.contacts.map(without), grants },
    question: { ...world.question, domains: world.question.domains.map(gone) },
  }
}
