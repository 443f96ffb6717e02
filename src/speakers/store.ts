/** What is shown of those who may speak beside what the rule says of them: one statement for a whole page. */
import { sql } from 'drizzle-orm'
import type { Facts } from '../authority/facts.ts'
import { newestTicket } from '../authority/objects.ts'
import { portray, type Speaking } from '../authority/portrait.ts'
import type { Database } from '../database/open.ts'
import { toUnicode } from '../hostname.ts'
import type { Speaker } from './schema.ts'

type Named = { id: string; name: string }
type Row = { id: string; since: string; givenBy: Named | null; lastUsedAt: string | null }
type Person = { id: string; proven: boolean; secondFactor: boolean }
type Details = { rows: Row[] | null; people: Person[] | null; domains: Named[] | null }

/** Those of the loaded people who may do anything for the account now, each with the rows that justify it. */
export async function describeSpeakers(db: Database, accountId: string, loaded: readonly Facts[]): Promise<Speaker[]> {
  const speaking = loaded
    .map((facts) => ({ user: facts.user as NonNullable<Facts['user']>, rows: portray(facts, accountId, facts.now) }))
    .filter(({ rows }) => rows.length > 0)
  const shown = speaking.flatMap(({ rows }) => rows)
  const ids = {
    rows: shown.map(({ row }) => row.id),
    people: speaking.map(({ user }) => user.id),
    domains: shown.flatMap(({ domains }) => (domains === 'all' ? [] : domains)),
  }
  const { rows: found } = await db.execute<Details>(details(accountId, ids))
  const { rows, people, domains } = found[0] as Details
  const [rowOf, personOf, domainOf] = [byId(rows), byId(people), byId(domains)]
  return speaking.map(({ user, rows }) => {
    const { proven, secondFactor } = personOf(user.id)
    const by = rows.map((each) => describe(each, rowOf(each.row.id), domainOf))
    return { user: { id: user.id, name: user.name }, verifiedBy: proven ? 'address' : 'panel', secondFactor, by }
  })
}

/** Every id that is asked for came from the facts, so it is there. */
function byId<T extends { id: string }>(list: readonly T[] | null): (id: string) => T {
  const known = new Map(list?.map((one) => [one.id, one]))
  return (id) => known.get(id) as T
}

function describe(speaking: Speaking, { since, givenBy, lastUsedAt }: Row, domainOf: (id: string) => Named): Speaker['by'][number] {
  const { capacity, row, domains, powers } = speaking
  return {
    capacity,
    id: row.id,
    role: capacity === 'contact' ? row.role : null,
    domains: domains === 'all' ? 'all' : domains.map(domainOf).map((domain) => ({ ...domain, unicode: toUnicode(domain.name) })),
    powers,
    since: toInstant(since),
    expiresAt: capacity === 'grant' ? new Date(row.expiresAt).toISOString() : null,
    givenBy,
    lastUsedAt: lastUsedAt === null ? null : toInstant(lastUsedAt),
  }
}

const toInstant = (text: string): string => new Date(text).toISOString()

/** Of each row the newest event that it justified, its holder making a support code included: one step down the index of its capacity (`journal_events_of_…`). */
const lastUse = (row: string, capacity: 'contact' | 'grant') =>
  sql.raw(`(select e.at from journal_events e where e.account_id = ${row}.account_id and e.via_id = ${row}.id and e.capacity = '${capacity}'
      order by e.at desc nulls last limit 1)`)

const details = (accountId: string, ids: { rows: string[]; people: string[]; domains: string[] }) => sql`
with r as (
  select c.id, c.accepted_at as since, c.invited_by as by_user, ${lastUse('c', 'contact')} as last_used
  from contacts c where c.account_id = ${accountId} and c.id = any(${sql.param(ids.rows)}::uuid[])
  union all
  select g.id, g.approved_at, gc.user_id, greatest(${lastUse('g', 'grant')}, ${newestTicket('g')})
  from grants g join contacts gc on gc.account_id = g.account_id and gc.id = g.grantor_contact_id
  where g.account_id = ${accountId} and g.id = any(${sql.param(ids.rows)}::uuid[]))
select
  (select json_agg(json_build_object('id', r.id, 'since', r.since, 'lastUsedAt', r.last_used,
      'givenBy', case when u.id is not null then json_build_object('id', u.id, 'name', u.name) end))
    from r left join users u on u.id = r.by_user) as rows,
  (select json_agg(json_build_object('id', u.id,
      'proven', exists (select from addresses ad where ad.user_id = u.id and ad.proven_at is not null),
      'secondFactor', exists (select from second_factors f where f.user_id = u.id and f.confirmed_at is not null and f.removed_at is null)))
    from users u where u.id = any(${sql.param(ids.people)}::uuid[])) as people,
  (select json_agg(json_build_object('id', d.id, 'name', d.name)) from domains d
    where d.account_id = ${accountId} and d.id = any(${sql.param(ids.domains)}::uuid[])) as domains`
