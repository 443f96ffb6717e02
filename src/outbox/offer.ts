/**
 * What a single-use token stands for, read as it is now: the same for the letter that carries its secret, for showing the terms and for
 * accepting them.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { GrantFact } from '../authority/facts.ts'
import { type InvitedContact, invitationStands, invitedContactObject } from '../authority/invitations.ts'
import { grantColumns, objectOf } from '../authority/objects.ts'
import { offerStands } from '../authority/offers.ts'
import type { Database } from '../database/open.ts'
import { toUnicode } from '../hostname.ts'
import type { AccountState, ContactRole, Reach, StaffRole, TokenPurpose } from '../vocabulary.ts'

export type OfferedAccount = { id: string; number: string; name: string; state: AccountState }

/** Instants in epoch ms; domains by the name people read. */
export type ContactTerms = { kind: 'contact'; account: OfferedAccount; id: string; role: ContactRole; domains: string[] | null }
export type GrantTerms = {
  kind: 'grant'
  account: OfferedAccount
  id: string
  domains: string[]
  actions: string[]
  topics: string[] | null
  reach: Reach
  maxUses: number | null
  purpose: string | null
  notBefore: number
  expiresAt: number
}
/** `givenBy` is the admin who invites. */
export type StaffTerms = { kind: 'staff'; role: StaffRole; givenBy: string }
/** What a person asked for about himself: to add an address, or to choose a new password. */
export type OwnTerms = { kind: 'addition' } | { kind: 'reset' }
export type Terms = { kind: 'proof' } | OwnTerms | ContactTerms | GrantTerms | StaffTerms

export type Offer = {
  token: string
  address: string
  /** Who asked to add the address; null for everything else, until a reset has found its user. */
  userId: string | null
  /** What the one who invites calls the person, if he said. */
  name: string | null
  /** Epoch ms. */
  expiresAt: number
  /** Who has proven the address, and by which row; null when nobody has. */
  owner: { userId: string; addressId: string; active: boolean } | null
  /** Null for a sign-up, and where no person invites. */
  invitedBy: { id: string; name: string } | null
  terms: Terms
}

/**
 * The offer of a token; undefined when the token is used up or expired, or what it offers was withdrawn or is over: an invitation stands
 * only as long as whoever gave it could give it again. `clockOffset` in ms; 0 outside tests. With `lock` the token stays as it is until the
 * transaction ends.
 */
export async function readOffer(db: Database, clockOffset: number, token: string, lock = false): Promise<Offer | undefined> {
  const { rows } = await db.execute<Row>(sql`${query(token, clockOffset)} ${lock ? sql`for update of t` : sql``}`)
  const [row] = rows
  const terms = row && termsOf(row)
  if (row === undefined || terms === undefined) return undefined
  const { address, userId, name, owner, invitedBy } = row
  return { token, address, userId, name, expiresAt: Number(row.expiresAt), owner, invitedBy, terms }
}

type Row = {
  purpose: TokenPurpose
  address: string
  userId: string | null
  name: string | null
  expiresAt: string | number
  staffRole: StaffRole | null
  owner: Offer['owner']
  invitedBy: Offer['invitedBy']
  givenBy: string
  invitedByAdmin: boolean
  account: OfferedAccount | null
  contact: Omit<ContactTerms, 'kind' | 'account'> | null
  invited: InvitedContact | null
  grant: Omit<GrantTerms, 'kind' | 'account'> | null
  offered: GrantFact | null
}

const ms = (column: SQL): SQL => sql`floor(extract(epoch from ${column}) * 1000)::bigint`
const namesOf = (link: SQL): SQL => sql`(select coalesce(json_agg(d.name order by d.name), '[]'::json) from ${link} l
  join domains d on d.account_id = l.account_id and d.id = l.domain_id and d.released_at is null`

const query = (token: string, clockOffset: number): SQL => sql`
select t.purpose, t.address, t.user_id as "userId", t.name, ${ms(sql`t.expires_at`)} as "expiresAt", t.staff_role as "staffRole",
  (select json_build_object('userId', ad.user_id, 'addressId', ad.id, 'active', u.status = 'active') from addresses ad join users u on u.id = ad.user_id
    where ad.address = t.address and ad.proven_at is not null) as owner,
  (select json_build_object('id', u.id, 'name', u.name) from users u where u.id = t.invited_by) as "invitedBy", t.invited_by as "givenBy",
  exists (select from staff_members s join users u on u.id = s.user_id where s.user_id = t.invited_by and s.role = 'admin'
    and s.ended_at is null and u.status = 'active') as "invitedByAdmin",
  (select json_build_object('id', a.id, 'number', a.number, 'name', a.name, 'state', a.state) from accounts a
    where a.id = t.account_id and a.state <> 'closed') as account,
  (select json_build_object('id', c.id, 'role', c.role,
      'domains', case when c.limited then ${namesOf(sql`contact_domains`)} where l.account_id = c.account_id and l.contact_id = c.id) end)
    from contacts c where c.account_id = t.account_id and c.id = t.contact_id and c.status = 'invited') as contact,
  (select ${invitedContactObject} from contacts c join accounts a on a.id = c.account_id
    where c.account_id = t.account_id and c.id = t.contact_id) as invited,
  (select json_build_object('id', g.id, 'actions', g.actions, 'topics', g.topics, 'reach', g.reach, 'maxUses', g.max_uses, 'purpose', g.purpose,
      'notBefore', ${ms(sql`g.not_before`)}, 'expiresAt', ${ms(sql`g.expires_at`)},
      'domains', ${namesOf(sql`grant_domains`)} where l.account_id = g.account_id and l.grant_id = g.id))
    from grants g where g.account_id = t.account_id and g.id = t.grant_id and g.status = 'invited' and g.expires_at > n.now) as grant,
  ${objectOf(grantColumns, sql`grants g where g.account_id = t.account_id and g.id = t.grant_id`)} as offered
from (select clock_timestamp() + ${clockOffset}::bigint * interval '1 millisecond' as now) n, single_use_tokens t
where t.id = ${token} and t.used_at is null and t.expires_at > n.now`

function termsOf(row: Row): Terms | undefined {
  const { purpose, account, contact, grant, staffRole } = row
  if (purpose === 'address_proof') return { kind: 'proof' }
  if (purpose === 'address_addition') return { kind: 'addition' }
  if (purpose === 'password_reset') return { kind: 'reset' }
  if (staffRole !== null) return row.invitedByAdmin ? { kind: 'staff', role: staffRole, givenBy: row.givenBy } : undefined
  if (account === null) return undefined
  if (contact !== null && !invitationStands(row.invited as InvitedContact)) return undefined
  if (contact !== null) return { kind: 'contact', account, ...contact, domains: contact.domains?.map(toUnicode) ?? null }
  if (grant === null || !offerStands(row.offered as GrantFact)) return undefined
  return { kind: 'grant', account, ...grant, domains: grant.domains.map(toUnicode) }
}
