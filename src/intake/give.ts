/** The grant by which an account agrees to a submission. Its grantor is the contact who agreed: it is never worth more than he is. */
import { eventOf } from '../authority/authorship.ts'
import { type Authority, actorOf } from '../authority/judge.ts'
import type { SubmissionRow } from '../authority/load.ts'
import type { Config } from '../config.ts'
import type { Database } from '../database/open.ts'
import { grantDomains, grants } from '../database/tables.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import type { ApproveSubmission } from './act-schema.ts'

const dayMs = 86_400_000

/** One ticket, and what belongs to it. */
const oneTicketActions = ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close']
const oneTicketDays = 30

type About = { submission: SubmissionRow; topic: string }

/** Makes the grant, in force from now, for the domain of the submission alone. Returns its id. */
export async function giveConsent(
  config: Config,
  tx: Database,
  authority: Authority,
  { submission, topic }: About,
  body: ApproveSubmission,
): Promise<string> {
  const accountId = authority.accountId as string
  const { domain, submitterUserId } = submission
  const id = newId()
  const at = new Date(authority.at)
  const { days, ...terms } = body.consent === 'standing' ? standing(config, body) : thisTicket(config, topic)
  const row = {
    id,
    accountId,
    status: 'active' as const,
    granteeUserId: submitterUserId,
    granteeAddress: '',
    grantorContactId: authority.via.id,
  }
  const period = { notBefore: at, expiresAt: new Date(authority.at + days * dayMs), createdAt: at, approvedAt: at }
  await tx.insert(grants).values({ ...row, ...terms, ...period, createdBy: actorOf(authority) })
  await tx.insert(grantDomains).values({ accountId, grantId: id, domainId: domain.id })
  const value = { grantee: submitterUserId, domainIds: [domain.id], ...terms, submission: submission.id }
  await append(tx, eventOf(authority, 'grant.consented', { resourceType: 'grant', resourceId: id, domainId: domain.id, value }))
  return id
}

function thisTicket({ grantDaysMax }: Config, topic: string) {
  return { actions: oneTicketActions, topics: [topic], maxUses: 1, purpose: null, days: Math.min(oneTicketDays, grantDaysMax) }
}

function standing({ grantDaysDefault }: Config, { grant = {} }: ApproveSubmission) {
  const { actions = oneTicketActions, topics = null, reach = 'own' as const, maxUses = null, purpose = null } = grant
  return { actions, topics, reach, maxUses, purpose, days: grant.days ?? grantDaysDefault }
}
