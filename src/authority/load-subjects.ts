/** The facts about everybody with a row on one account, for searches and overviews: one statement for a whole page of people. */
import { sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { statement, value } from '../database/statement.ts'
import type { AccountFact, Facts } from './facts.ts'
import { accountColumns, contactColumns, grantColumns, objectOf, objectsOf, userColumns } from './objects.ts'
import { asSignedIn } from './own-session.ts'

const factsOfSubjects = statement<Row>(
  'authority_facts_subjects',
  sql`
with a as materialized (select * from accounts where id = ${value('account', 'uuid')}),
u as materialized (select u.* from users u where u.id > ${value('after', 'uuid')} and (
    u.id in (select c.user_id from contacts c join a on c.account_id = a.id where c.status = 'active')
    or u.id in (select g.grantee_user_id from grants g join a on g.account_id = a.id where g.approved_at is not null)
    or (${value('staff', 'boolean')} and u.id in (select s.user_id from staff_members s where s.ended_at is null)))
  order by u.id limit ${value('limit', 'int')})
select floor(extract(epoch from clock_timestamp()) * 1000)::bigint + ${value('clockOffset', 'bigint')} as now, ${objectOf(userColumns)} as "user",
  ${objectOf(accountColumns, sql`a`)} as account,
  ${objectOf(sql`sm.id, sm.role`, sql`staff_members sm where sm.user_id = u.id and sm.ended_at is null`)} as staff,
  ${objectsOf(contactColumns('c'), sql`a join contacts c on c.account_id = a.id where c.user_id = u.id and c.status = 'active'`)} as contacts,
  ${objectsOf(
    grantColumns,
    sql`a join grants g on g.account_id = a.id where g.grantee_user_id = u.id and g.approved_at is not null`,
  )} as grants
from u order by u.id`,
)

type Row = {
  now: string | number
  user: NonNullable<Facts['user']>
  account: AccountFact | null
  staff: Facts['staff']
  contacts: Facts['contacts']
  grants: Facts['grants']
}

/** Whom to load: those with a row on the account (null: on none), staff as well if asked for, in the order of their ids. */
export type Subjects = { account: string | null; staff: boolean; after: string; limit: number }

/** Before every id there is. */
export const beforeAll = '00000000-0000-0000-0000-000000000000'

/** Each of them as if he were signed in himself; nothing about other accounts of theirs. `clockOffset` in ms; 0 outside tests. */
export async function loadSubjects(db: Database, clockOffset: number, subjects: Subjects): Promise<Facts[]> {
  const rows = await factsOfSubjects.run(db, { ...subjects, clockOffset })
  return rows.map(({ now, user, account, staff, contacts, grants }) =>
    asSignedIn({
      now: Number(now),
      user,
      staff,
      session: null,
      client: null,
      ceiling: null,
      accounts: account === null ? [] : [account],
      contacts,
      grants,
    }),
  )
}
