/**
 * The columns of the statement about one account, `a`, which is null where there is none: each is asked for only where the request names
 * something it is about. `t` is the ticket that is named.
 */
import { type SQL, sql } from 'drizzle-orm'
import { value } from '../database/statement.ts'
import {
  accountColumns,
  contactColumns,
  domainColumns,
  grantColumns,
  objectOf,
  objectsOf,
  submissionColumns,
  ticketColumns,
} from './objects.ts'
import { statedDomain, statesAccount } from './stated.ts'

export const accountPart = sql`case when a.id is not null then ${objectOf(accountColumns)} end as account`

export const domainsPart = (which: SQL): SQL =>
  sql`${objectsOf(domainColumns, sql`domains d where d.account_id = a.id and (${which})`)} as domains`

export const heldElsewhere = sql`array(select dn.name from domain_names dn
  where dn.account_id <> a.id and dn.name = any(${value('domainNames', 'text[]')})) as "heldElsewhere"`

export const ticketPart = sql`case when t.account_id = a.id then ${objectOf(ticketColumns)} end as ticket`

export const contactPart = sql`${objectOf(
  sql`c.id, c.user_id as "userId", c.role, c.limited, c.status, c.confirmed_at is not null as confirmed, c.version`,
  sql`contacts c where c.account_id = a.id and c.id = ${value('contact', 'uuid')}`,
)} as contact`

const domainsOfGrant = sql`grant_domains l join domains d on d.account_id = l.account_id and d.id = l.domain_id
  where l.account_id = g.account_id and l.grant_id = g.id and d.released_at is null`

export const grantPart = sql`${objectOf(
  sql`g.id, g.status, g.grantee_user_id as "granteeUserId", g.version, ${objectsOf(domainColumns, domainsOfGrant)} as domains`,
  sql`grants g where g.account_id = a.id and g.id = ${value('grant', 'uuid')}`,
)} as grant`

export const submissionPart = sql`${objectOf(
  sql`${submissionColumns}, ${objectOf(domainColumns)} as domain`,
  sql`submissions s join ${statedDomain} where s.id = ${value('submission', 'uuid')} and ${statesAccount}`,
)} as submission`

export const userPart = sql`${objectOf(sql`x.id, x.status, x.version`, sql`users x where x.id = ${value('user', 'uuid')}`)} as "user"`

export const ownContacts = sql`${objectsOf(
  contactColumns('c'),
  sql`contacts c where c.account_id = a.id and c.user_id = ${value('caller', 'uuid')} and c.status = 'active'`,
)} as contacts`

export const ownGrants = sql`${objectsOf(
  grantColumns,
  sql`grants g where g.account_id = a.id and g.grantee_user_id = ${value('caller', 'uuid')} and g.approved_at is not null`,
)} as grants`

export const storedPart = sql`${objectOf(
  sql`encode(k.fingerprint, 'hex') as fingerprint, k.status, k.headers, k.body, k.made`,
  sql`idempotency_keys k where k.principal_id = ${value('principal', 'uuid')} and k.key = ${value('idempotencyKey', 'text')}
    and k.expires_at > clock_timestamp() + ${value('clockOffset', 'bigint')} * interval '1 millisecond'`,
)} as stored`
