/**
 * The columns of the statement about one account, `a`, which is null where there is none: each is asked for only where the request names
 * something it is about. `t` is the ticket that is named.
 */
import { type SQL, sql } from 'drizzle-orm'
import { value } from '../database/statement.ts'
import { accountObject, contactMembers, domainObject, grantObject, submissionMembers, ticketObject } from './objects.ts'
import { statedDomain, statesAccount } from './stated.ts'

export const accountPart = sql`case when a.id is not null then ${accountObject} end as account`

export const domainsPart = (which: SQL): SQL =>
  sql`array(select ${domainObject('d')} from domains d where d.account_id = a.id and (${which})) as domains`

export const heldElsewhere = sql`array(select dn.name from domain_names dn
  where dn.account_id <> a.id and dn.name = any(${value('domainNames', 'text[]')})) as "heldElsewhere"`

export const ticketPart = sql`case when t.account_id = a.id then ${ticketObject} end as ticket`

export const contactPart = sql`(select json_build_object('id', c.id, 'userId', c.user_id, 'role', c.role, 'limited', c.limited, 'status', c.status,
    'confirmed', c.confirmed_at is not null, 'version', c.version)
  from contacts c where c.account_id = a.id and c.id = ${value('contact', 'uuid')}) as contact`

export const grantPart = sql`(select json_build_object('id', g.id, 'status', g.status, 'granteeUserId', g.grantee_user_id, 'version', g.version,
    'domains', (select json_agg(${domainObject('d')}) from grant_domains l join domains d on d.account_id = l.account_id and d.id = l.domain_id
      where l.account_id = g.account_id and l.grant_id = g.id and d.released_at is null))
  from grants g where g.account_id = a.id and g.id = ${value('grant', 'uuid')}) as grant`

export const submissionPart = sql`(select json_build_object(${submissionMembers}, 'domain', ${domainObject('d')})
  from submissions s join ${statedDomain} where s.id = ${value('submission', 'uuid')} and ${statesAccount}) as submission`

export const userPart = sql`(select json_build_object('id', x.id, 'status', x.status, 'version', x.version) from users x
  where x.id = ${value('user', 'uuid')}) as "user"`

export const ownContacts = sql`array(select json_build_object(${contactMembers('c')}) from contacts c
  where c.account_id = a.id and c.user_id = ${value('caller', 'uuid')} and c.status = 'active') as contacts`

export const ownGrants = sql`array(select ${grantObject} from grants g
  where g.account_id = a.id and g.grantee_user_id = ${value('caller', 'uuid')} and g.approved_at is not null) as grants`

export const storedPart = sql`(select json_build_object('fingerprint', encode(k.fingerprint, 'hex'), 'status', k.status, 'headers', k.headers,
    'body', k.body, 'made', k.made)
  from idempotency_keys k where k.principal_id = ${value('principal', 'uuid')} and k.key = ${value('idempotencyKey', 'text')}
    and k.expires_at > clock_timestamp() + ${value('clockOffset', 'bigint')} * interval '1 millisecond') as stored`
