/** The columns of the statement about one account: each is asked for only where the request names something it is about. */
import { type SQL, sql } from 'drizzle-orm'
import { value } from '../database/statement.ts'
import { accountObject, contactMembers, domainObject, grantObject, submissionMembers, ticketObject } from './objects.ts'
import { statedDomain, statesAccount } from './stated.ts'

export const accountPart = sql`(select ${accountObject} from a) as account`

export const domainsPart = (which: SQL): SQL =>
  sql`(select json_agg(${domainObject('d')}) from a join domains d on d.account_id = a.id where ${which}) as domains`

export const heldElsewhere = sql`(select json_agg(dn.name) from a join domain_names dn on dn.account_id <> a.id
  where dn.name = any(${value('domainNames', 'text[]')})) as "heldElsewhere"`

export const ticketPart = sql`(select ${ticketObject} from t join a on a.id = t.account_id) as ticket`

export const contactPart = sql`(select json_build_object('id', c.id, 'userId', c.user_id, 'role', c.role, 'limited', c.limited, 'status', c.status,
    'confirmed', c.confirmed_at is not null, 'version', c.version)
  from a join contacts c on c.account_id = a.id and c.id = ${value('contact', 'uuid')}) as contact`

export const grantPart = sql`(select json_build_object('id', g.id, 'status', g.status, 'granteeUserId', g.grantee_user_id, 'version', g.version,
    'domains', (select json_agg(${domainObject('d')}) from grant_domains l join domains d on d.account_id = l.account_id and d.id = l.domain_id
      where l.account_id = g.account_id and l.grant_id = g.id and d.released_at is null))
  from a join grants g on g.account_id = a.id and g.id = ${value('grant', 'uuid')}) as grant`

export const submissionPart = sql`(select json_build_object(${submissionMembers}, 'domain', ${domainObject('d')})
  from a join submissions s on s.id = ${value('submission', 'uuid')} and ${statesAccount} join ${statedDomain}) as submission`

export const userPart = sql`(select json_build_object('id', x.id, 'status', x.status, 'version', x.version) from users x
  where x.id = ${value('user', 'uuid')}) as "user"`

export const ownContacts = sql`(select json_agg(json_build_object(${contactMembers('c')})) from a join contacts c on c.account_id = a.id
  where c.user_id = ${value('caller', 'uuid')} and c.status = 'active') as contacts`

export const ownGrants = sql`(select json_agg(${grantObject}) from a join grants g on g.account_id = a.id
  where g.grantee_user_id = ${value('caller', 'uuid')} and g.approved_at is not null) as grants`

export const storedPart = sql`(select json_build_object('fingerprint', encode(k.fingerprint, 'hex'), 'status', k.status, 'headers', k.headers,
    'body', k.body, 'made', k.made)
  from idempotency_keys k where k.principal_id = ${value('principal', 'uuid')} and k.key = ${value('idempotencyKey', 'text')}
    and k.expires_at > clock_timestamp() + ${value('clockOffset', 'bigint')} * interval '1 millisecond') as stored`
