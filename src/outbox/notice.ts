/** What a letter about an account is about, and whether its recipient may still be told: decided when it leaves, as if he asked then. */
import { sql } from 'drizzle-orm'
import { loadAbsent } from '../authority/absent.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { question } from '../authority/facts.ts'
import { somethingWaits } from '../authority/held.ts'
import { isOffered } from '../authority/offers.ts'
import { reach } from '../authority/reach.ts'
import { toUnicode } from '../hostname.ts'
import type { ContactRole } from '../vocabulary.ts'
import type { AccountName } from './letters.ts'
import type { Notice } from './post.ts'

/** `own`: it is about a contact, a grant or a submission of the recipient's. */
export type Told = { to: string; account: AccountName; own: boolean; role: ContactRole | null; domains: string[]; endsAt: number | null }

/**
 * Whom to tell and what; undefined when there is nobody to tell: a recipient without an address, one who is suspended, or one who
 * neither may read what it is about now nor is the person himself whose contact or grant it is; nor when what it offers stands no more.
 */
export async function readNotice(context: Context, notice: Notice): Promise<Told | undefined> {
  const { rows } = await context.db.execute<Row>(query(notice))
  const [row] = rows
  if (row === undefined || row.to === null) return undefined
  const ending = notice.kind === 'grant_expiring'
  // Ended before the letter left: what tells that is another letter.
  if (ending && row.endsAt === null) return undefined
  if (notice.kind === 'grant_invited' && !(await isOffered(context.db, notice.accountId, notice.subjectId))) return undefined
  if (!row.own && !(await mayRead(context, notice))) return undefined
  const { to, account, own, role, domains, endsAt } = row
  return { to, account, own, role, domains: (domains ?? []).map(toUnicode), endsAt: ending ? Number(endsAt) : null }
}

type Row = {
  to: string | null
  account: AccountName
  own: boolean
  role: ContactRole | null
  domains: string[] | null
  endsAt: string | number | null
}

const query = ({ accountId, subjectId, recipientUserId }: Notice) => sql`
select json_build_object('number', a.number, 'name', a.name) as account, c.role,
  case when g.status in ('active', 'suspended') then floor(extract(epoch from g.expires_at) * 1000)::bigint end as "endsAt",
  coalesce(
    (select ad.address from addresses ad where ad.user_id = u.id and ad.proven_at is not null order by ad.proven_at, ad.id limit 1),
    -- One whom a panel provisioned may have none that he proved: what the panel gave is for notices, and only for them.
    (select nullif(n.invited_address, '') from contacts n where n.account_id = a.id and n.user_id = u.id and n.external_id is not null
      order by n.id desc limit 1)) as to,
  coalesce(c.user_id = u.id or g.grantee_user_id = u.id or s.submitter_user_id = u.id, false) as own,
  coalesce((select json_agg(d.name order by d.name) from grant_domains l join domains d on d.account_id = l.account_id and d.id = l.domain_id
      where l.account_id = g.account_id and l.grant_id = g.id),
    (select json_build_array(d.name) from domains d where d.account_id = a.id and d.id = ${subjectId}),
    (select json_build_array(dc.name) from domain_claims dc where dc.account_id = a.id and dc.id = ${subjectId})) as domains
from accounts a join users u on u.id = ${recipientUserId} and u.status = 'active'
left join contacts c on c.account_id = a.id and c.id = ${subjectId}
left join grants g on g.account_id = a.id and g.id = ${subjectId}
left join submissions s on s.id = ${subjectId}
where a.id = ${accountId}`

async function mayRead({ db, clock }: Context, { kind, accountId, subjectId, recipientUserId }: Notice): Promise<boolean> {
  // A letter goes to the person himself, so it is decided as if he had signed in to ask.
  const { facts, grant } = await loadAbsent(db, clock.offset(), recipientUserId, { account: { id: accountId }, grant: subjectId })
  if (kind === 'submissions_waiting') return somethingWaits(db, accountId, reach(facts, 'submission.decide', facts.now), facts.now)
  const asked = kind.startsWith('grant')
    ? question('grant.read', accountId, { domains: grant?.domains ?? [] })
    : question(kind.startsWith('contact') ? 'contact.read' : 'account.read', accountId)
  return decide(facts, asked, facts.now).permit
}
