/**
 * A second oracle, independent in its very language: the rule as policies for Cedar (`policy.cedar`), evaluated by Cedar's own engine.
 * Whatever the worlds of the other properties hold, `decide` permits exactly when some row does so there.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import t from 'tap'
import { decide } from '../../src/authority/decide.ts'
import type { ContactFact, Facts, GrantFact, Question } from '../../src/authority/facts.ts'
import { accountActions, staffActions } from '../../src/vocabulary.ts'
import { always, anything, type Instance, now } from './arbitraries.ts'
import { isBilling, isConfidential } from './specification.ts'

type Attributes = Record<string, string | number | boolean | string[]>
type Row = { type: string; id: string; attributes: Attributes }

const policies = readFileSync(new URL('policy.cedar', import.meta.url), 'utf8')
const parsed = preparsePolicySet('rule', { staticPolicies: policies })

const contactRow = ({ id, userId, accountId, role, confirmed, limited, domains }: ContactFact): Row => ({
  type: 'Contact',
  id,
  attributes: { user: userId, account: accountId, role, confirmed, limited, domains: [...domains] },
})

const grantRow = (grant: GrantFact): Row => {
  const { grantor } = grant
  return {
    type: 'Grant',
    id: grant.id,
    attributes: {
      id: grant.id,
      grantee: grant.granteeUserId,
      account: grant.accountId,
      status: grant.status,
      notBefore: grant.notBefore,
      expiresAt: grant.expiresAt,
      actions: [...grant.actions],
      domains: [...grant.domains],
      allTopics: grant.topics === null,
      topics: [...(grant.topics ?? [])],
      reach: grant.reach,
      lineage: [grant.id, ...grant.lineage],
      counted: grant.maxUses !== null,
      maxUses: grant.maxUses ?? 0,
      uses: grant.uses,
      finished: grant.finished,
      grantorActive: grantor?.userStatus === 'active',
      grantorVerified: grantor?.userVerified === true,
      grantorAccount: grantor?.accountId ?? '',
      grantorRole: grantor?.role ?? '',
      grantorConfirmed: grantor?.confirmed === true,
      grantorCompromised: grantor?.compromised !== false,
      grantorLimited: grantor?.limited === true,
      grantorDomains: [...(grantor?.domains ?? [])],
    },
  }
}

function rowsOf({ contacts, grants, staff, client, user }: Facts): Row[] {
  return [
    ...contacts.map(contactRow),
    ...grants.map(grantRow),
    ...(staff === null ? [] : [{ type: 'Staff', id: staff.id, attributes: { role: staff.role } }]),
    ...(client === null ? [] : [{ type: 'Client', id: client.id, attributes: { realm: client.realm } }]),
    ...(user === null ? [] : [{ type: 'Self', id: user.id, attributes: {} }]),
  ]
}

function contextOf({ session, user, staff, client, ceiling, accounts }: Facts, question: Question): Attributes {
  const { action, domains, topic, ticket } = question
  const account = accounts.find(({ id }) => id === question.account)
  const named = domains.flatMap((domain) => domain ?? [])
  const held = named.filter(({ accountId, releasedAt }) => accountId === account?.id && releasedAt === null)
  const history = named.filter(({ id, accountId }) => accountId === account?.id && id === ticket?.domainId)
  const ids = (rows: { id: string }[]): string[] => rows.map(({ id }) => id)
  const active = user === null ? client !== null && session?.kind === 'client' : user.status === 'active'
  const domainsInCeiling =
    ceiling === null ||
    ceiling.domains.length === 0 ||
    (domains.length > 0 && domains.every((domain) => ceiling.domains.includes(domain?.id ?? '')))
  const namedByCeiling =
    ceiling === null ||
    (ceiling.actions.includes(action) && (action === 'self.read' || (question.account === ceiling.account && domainsInCeiling)))
  return {
    now,
    action,
    accountActions: [...accountActions],
    staffActions: [...staffActions],
    principalLives:
      active && session !== null && session.endedAt === null && now < session.expiresAt && (client === null || client.status === 'active'),
    inScope: client === null || (client.scopes as readonly string[]).includes(action),
    inCeiling: namedByCeiling,
    ceilingGrant: action === 'self.read' ? '' : (ceiling?.grant ?? ''),
    narrowed: ceiling !== null,
    personal: session?.kind === 'person',
    user: user?.id ?? '',
    verified: user?.verified === true,
    staff: staff !== null,
    account: question.account ?? '',
    realm: account?.realm ?? '',
    state: account?.state ?? '',
    stateEnds: account?.accessUntil ?? 0,
    named: ids(named),
    namesDomain: domains.length > 0,
    namesUnknown: named.length < domains.length,
    held: ids(held),
    heldOrHistory: ids([...held, ...history]),
    targets: question.targets.map(({ role }) => role),
    hasTopic: topic !== null,
    topic: topic ?? '',
    confidential: topic !== null && isConfidential(topic),
    billing: topic !== null && isBilling(topic),
    leftByClosing: topic !== null && (isBilling(topic) || topic === 'ownership'),
    contactsOnly: question.contactsOnly || ticket?.contactsOnly === true,
    ticket: ticket?.id ?? '',
    ticketAccount: ticket?.accountId ?? '',
    ticketGrant: ticket?.grantId ?? '',
    ticketCreated: ticket?.createdAt ?? 0,
  }
}

function permits(row: Row, context: Attributes): boolean {
  const answer = statefulIsAuthorized({
    principal: { type: 'User', id: 'asking' },
    action: { type: 'Action', id: 'ask' },
    resource: { type: row.type, id: row.id },
    context,
    preparsedPolicySetId: 'rule',
    entities: [{ uid: { type: row.type, id: row.id }, attrs: row.attributes, parents: [] }],
  })
  assert.equal(answer.type, 'success', JSON.stringify(answer))
  assert.ok(answer.type === 'success')
  assert.deepEqual(answer.response.diagnostics.errors, [])
  return answer.response.decision === 'allow'
}

t.test('D2, D3: decide permits exactly when a row does so under the policies in Cedar', async (t) => {
  t.equal(parsed.type, 'success', JSON.stringify(parsed))
  const seen = { allow: 0, deny: 0 }
  const agrees = ({ facts, question }: Instance): void => {
    const context = contextOf(facts, question)
    const decision = decide(facts, question, now)
    const permitted = rowsOf(facts).filter((row) => permits(row, context))
    assert.equal(permitted.length > 0, decision.permit, JSON.stringify(decision))
    if (decision.permit) assert.ok(permitted.some(({ id }) => id === decision.via.id))
    seen[decision.permit ? 'allow' : 'deny']++
  }
  // Each row is a call into Cedar, so fewer than of the others.
  always(anything, agrees, 0.3)
  t.ok(seen.allow > 10 && seen.deny > 10, JSON.stringify(seen))
})
