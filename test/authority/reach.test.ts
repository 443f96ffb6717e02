/**
 * `reach` is the same rule as `decide`, for lists: on every row of every table the clauses, and the SQL they become, let through exactly
 * what `decide` permits when it is asked about that row.
 */
import assert from 'node:assert/strict'
import { type SQL, sql } from 'drizzle-orm'
import fc from 'fast-check'
import t from 'tap'
import { decide } from '../../src/authority/decide.ts'
import { type Action, type Facts, type Question, question, questionAboutTicket } from '../../src/authority/facts.ts'
import { type Clause, predicate, type ReachColumns, reach } from '../../src/authority/reach.ts'
import { accountActions, selfActions, staffActions } from '../../src/vocabulary.ts'
import { openTestDatabase } from '../fixtures/database.ts'
import { always, day, favoured, ids, instances, narrowed, now, parameters, runs, tables, topicWords, type World } from './arbitraries.ts'

/** A row of any list: a ticket, a domain, a grant with its domains, an account. */
type Row = {
  id: string
  account: string
  domains: string[]
  topic: string | null
  contactsOnly: boolean | null
  grant: string | null
  createdAt: number | null
  ask: (action: Action) => Question
}

const likely = fc.oneof(favoured('contact'), favoured('grant'))
const worlds = tables(fc.oneof(instances, likely, likely, narrowed(likely)))
const onTickets: Action[] = ['ticket.read', 'ticket.reply', 'ticket.close', 'staff.ticket.work']
/** Tickets are about one domain at most; everything else is asked about as many as there are. */
const onOthers: Action[] = [...accountActions.filter((action) => !action.startsWith('ticket.')), ...staffActions, ...selfActions]
const onDomainSets: Action[] = ['grant.read', 'grant.manage', 'domain.read', 'submission.decide', 'audit.read', 'staff.directory.read']

const plain = { domains: [], topic: null, contactsOnly: null, grant: null, createdAt: null }

function ticketRows({ tickets, domains }: World): Row[] {
  return tickets.map((ticket) => {
    const domain = domains.find(({ id }) => id === ticket.domainId) ?? null
    const { id, accountId: account, topic, contactsOnly, grantId: grant, createdAt } = ticket
    const ask = (action: Action) => questionAboutTicket(action, ticket, domain)
    return { id, account, domains: domain === null ? [] : [domain.id], topic, contactsOnly, grant, createdAt, ask }
  })
}

/** Every set of an account's unreleased domains: no domain, which is the account itself, one, and several, as grants have them. */
function setRows({ facts, domains }: World): Row[] {
  return facts.accounts.flatMap(({ id: account }, at) => {
    const own = domains.filter(({ accountId, releasedAt }) => accountId === account && releasedAt === null)
    return Array.from({ length: 2 ** own.length }, (_, mask): Row => {
      const set = own.filter((_, index) => (mask >> index) % 2 === 1)
      const ask = (action: Action) => question(action, action.startsWith('self.') ? null : account, { domains: set })
      return { ...plain, id: ids.other(at * 16 + mask), account, domains: set.map(({ id }) => id), ask }
    })
  })
}

/** Who a person is himself is no row of a list; a client that speaks for itself is shown none: it asks for its accounts by name. */
function permitted(facts: Facts, rows: readonly Row[], action: Action): string[] {
  const permits = (row: Row): boolean => {
    const decision = decide(facts, row.ask(action), now)
    return decision.permit && decision.via.capacity !== 'self' && decision.via.capacity !== 'client'
  }
  return idsOf(rows.filter(permits))
}

const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id).sort()

function lies(row: Row, clause: Clause): boolean {
  const { account, domains, topics, contactsOnly, openedUnder, openedAfter } = clause
  return (
    (account === 'all' || account === row.account) &&
    (domains === 'all' || (row.domains.length > 0 && row.domains.every((domain) => domains.includes(domain)))) &&
    (topics === 'all' || topics.includes(row.topic as string)) &&
    (contactsOnly || row.contactsOnly === false) &&
    (openedUnder === 'any' || openedUnder.includes(row.grant as string)) &&
    (openedAfter === null || (row.createdAt as number) > openedAfter)
  )
}

const within = (rows: readonly Row[], clauses: readonly Clause[]): string[] =>
  idsOf(rows.filter((row) => clauses.some((clause) => lies(row, clause))))

t.test('reach: its clauses hold exactly the rows that decide permits', async () => {
  always(worlds, (world) => {
    const { facts } = world
    for (const [rows, actions] of [
      [ticketRows(world), onTickets],
      [setRows(world), onOthers],
    ] as const) {
      for (const action of actions) assert.deepEqual(within(rows, reach(facts, action, now)), permitted(facts, rows, action), action)
    }
  })
})

t.test('reach in SQL', async (t) => {
  const { db } = await openTestDatabase(t)

  /** The ids that each predicate lets through, in one statement. */
  async function select(rows: readonly Row[], predicates: readonly SQL[]): Promise<string[][]> {
    const list = rows.map(({ ask, createdAt, ...row }) => ({
      ...row,
      domain: row.domains[0] ?? null,
      created: createdAt && new Date(createdAt),
    }))
    const found = predicates.map((condition, at) => sql`select ${at}::int as at, r.id from r where ${condition}`)
    const { rows: answer } = await db.execute<{ at: number; id: string }>(sql`
      with r as materialized (select * from jsonb_to_recordset(${JSON.stringify(list)}::jsonb) as r(
        id uuid, account uuid, domain uuid, domains uuid[], topic text, "contactsOnly" boolean, "grant" uuid, created timestamptz))
      ${sql.join(found, sql` union all `)}`)
    return predicates.map((_, at) => idsOf(answer.filter((row) => row.at === at)))
  }

  await t.test('its predicate holds exactly the rows that decide permits: tickets, and rows about several domains', async (t) => {
    let rowsShown = 0
    let rowsHidden = 0
    const property = fc.asyncProperty(worlds, async (world) => {
      const { facts } = world
      for (const [rows, actions, columns] of [
        [ticketRows(world), onTickets, ofTickets],
        [setRows(world), onDomainSets, ofSets],
      ] as const) {
        const expected = actions.map((action) => permitted(facts, rows, action))
        const predicates = actions.map((action) => predicate(reach(facts, action, now), columns))
        assert.deepEqual(await select(rows, predicates), expected)
        rowsShown += expected.flat().length
        rowsHidden += rows.length * actions.length - expected.flat().length
      }
    })
    await fc.assert(property, parameters(Math.ceil(runs / 4)))
    t.comment(`${rowsShown} rows shown, ${rowsHidden} hidden`)
    t.ok(rowsShown > runs && rowsHidden > runs, 'enough of both to mean something')
  })

  await t.test('any clauses, and a list that lacks some columns: a clause that needs one lets nothing through', async () => {
    const property = fc.asyncProperty(worlds, fc.array(clauseDraw, { maxLength: 3 }), fc.nat(63), async (world, clauses, mask) => {
      for (const [rows, full] of [
        [ticketRows(world), ofTickets],
        [setRows(world), ofSets],
      ] as const) {
        for (const columns of [full, without(full, mask)]) {
          const answerable = clauses.filter((clause) => isAnswerable(clause, columns))
          assert.deepEqual(await select(rows, [predicate(clauses, columns)]), [within(rows, answerable)])
        }
      }
    })
    await fc.assert(property, parameters(Math.ceil(runs / 8)))
  })

  await t.test('all is all, none is none, and values are parameters, never text', async (t) => {
    const evil = `x') or true --`
    const rows = [{ ...plain, id: ids.other(0), account: ids.account(0), topic: 'website', ask: () => question('ticket.read', null) }]
    t.strictSame(await select(rows, [predicate([everything], ofTickets), predicate([], ofTickets)]), [idsOf(rows), []])
    t.strictSame(await select(rows, [predicate([{ ...everything, topics: [evil] }], ofTickets)]), [[]])
  })
})

// ---- columns and clauses

const ofTickets: ReachColumns = {
  accountId: sql`r.account`,
  domainId: sql`r.domain`,
  topic: sql`r.topic`,
  contactsOnly: sql`r."contactsOnly"`,
  grantId: sql`r."grant"`,
  createdAt: sql`r.created`,
}

const ofSets: ReachColumns = {
  accountId: sql`r.account`,
  domainSet: {
    some: sql`cardinality(r.domains) > 0`,
    outside: (listed) => sql`exists (select from unnest(r.domains) d where d <> all(${listed}))`,
  },
}

const optional = ['domainId', 'domainSet', 'topic', 'contactsOnly', 'grantId', 'createdAt'] as const

function without(columns: ReachColumns, mask: number): ReachColumns {
  const gone = optional.filter((_, at) => (mask >> at) % 2 === 1)
  return Object.fromEntries(Object.entries(columns).filter(([name]) => !gone.some((lost) => lost === name))) as ReachColumns
}

/** Whether everything that the clause asks about has its column. */
function isAnswerable({ domains, topics, contactsOnly, openedUnder, openedAfter }: Clause, columns: ReachColumns): boolean {
  return (
    (domains === 'all' || columns.domainId !== undefined || columns.domainSet !== undefined) &&
    (topics === 'all' || columns.topic !== undefined) &&
    (contactsOnly || columns.contactsOnly !== undefined) &&
    (openedUnder === 'any' || columns.grantId !== undefined) &&
    (openedAfter === null || columns.createdAt !== undefined)
  )
}

const everything: Clause = { account: 'all', domains: 'all', topics: 'all', contactsOnly: true, openedUnder: 'any', openedAfter: null }

const some = <T>(values: readonly T[]) => fc.subarray([...values])
const clauseDraw: fc.Arbitrary<Clause> = fc.record({
  account: fc.constantFrom('all', ids.account(0), ids.account(1)),
  domains: fc.oneof(fc.constant('all' as const), some([0, 1, 2, 3].map(ids.domain))),
  topics: fc.oneof(fc.constant('all' as const), some(topicWords)),
  contactsOnly: fc.boolean(),
  openedUnder: fc.oneof(fc.constant('any' as const), some([0, 1, 2].map(ids.grant))),
  openedAfter: fc.constantFrom(null, now - 10 * day, now - 1),
})
