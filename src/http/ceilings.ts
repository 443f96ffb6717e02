/**
 * What somebody asks a narrowed token to be good for, and the ceiling that becomes of it. A ceiling gives nothing: what its user may is
 * asked at every use. But it names accounts and domains by what people call them, so it is given only over what the asker can see
 * anyway, and it is never above the ceiling he has himself.
 */
import { type Static, Type } from '@sinclair/typebox'
import type { Ceiling, Facts } from '../authority/facts.ts'
import type { Loaded, Named } from '../authority/load.ts'
import { type Clause, reach } from '../authority/reach.ts'
import { isTie } from '../authority/reason.ts'
import { accountActions } from '../vocabulary.ts'
import { accountRef, domainRef } from './access.ts'
import { closedWord } from './shapes.ts'

/** What a narrowed token may carry: nothing of staff, and nothing by which it could make itself more. */
export const ceilingActions = [...accountActions, 'self.read'] as const

/** The members of a ceiling as they are stated. */
export const ceilingMembers = {
  account: Type.String({ minLength: 1, maxLength: 64, description: 'The one account it is for, by id or number' }),
  domains: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
    maxItems: 100,
    uniqueItems: true,
    description: 'The domains of the account it is for, by id or name; none named: all, and what is about no domain',
  }),
  actions: Type.Array(closedWord(ceilingActions, 'What may be done with it, as far as you may do it yourself'), {
    minItems: 1,
    maxItems: ceilingActions.length,
    uniqueItems: true,
  }),
  grant: Type.Optional(
    Type.String({
      pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
      description: 'Only what this grant of yours justifies, by id',
    }),
  ),
} as const

const Stated = Type.Object(ceilingMembers)
export type StatedCeiling = Static<typeof Stated>

/** Which part of a stated ceiling is none of the asker's, or above what he has. What does not exist and what is not his are one answer. */
export type CeilingFault = 'account' | 'domains' | 'actions' | 'grant'

/** What must be loaded to judge it. */
export function namedByCeiling({ account, domains }: StatedCeiling): Named {
  const refs = domains.map((text) => domainRef(text)).filter((ref) => ref !== undefined)
  return {
    account: accountRef(account),
    domainIds: refs.flatMap((ref) => ('id' in ref ? ref.id : [])),
    domainNames: refs.flatMap((ref) => ('name' in ref ? ref.name : [])),
  }
}

/** The ceiling of what is stated, from the asker's facts; with his own ceiling, if he has one, above it. */
export function ceilingOf(stated: StatedCeiling, { facts, account, domains }: Loaded): Ceiling | { fault: CeilingFault } {
  const id = account?.id
  if (id === undefined || !isHis(facts, id)) return { fault: 'account' }
  const held = stated.domains.map((text) => {
    const ref = domainRef(text)
    return domains.find(
      (domain) => domain.releasedAt === null && ref !== undefined && ('id' in ref ? domain.id === ref.id : domain.name === ref.name),
    )
  })
  const clauses = clausesOf(facts)
  const seen = held.flatMap((domain) => (domain !== undefined && clauses.some((clause) => covers(clause, domain.id)) ? domain.id : []))
  if (seen.length < stated.domains.length) return { fault: 'domains' }
  const grant = stated.grant === undefined ? {} : { grant: stated.grant }
  const ceiling: Ceiling = { account: id, domains: [...new Set(seen)].sort(), actions: [...stated.actions].sort(), ...grant }
  const own = stated.grant === undefined || facts.grants.some((row) => row.id === stated.grant && isTie(row, facts.now))
  if (!own) return { fault: 'grant' }
  const above = facts.ceiling === null ? undefined : excess(ceiling, facts.ceiling)
  return above === undefined ? ceiling : { fault: above }
}

/**
 * In what a ceiling exceeds another; undefined when it is not above it: the same account, no more domains, no more actions, and only the
 * grant the other is for. No domains named is *every* domain, not none.
 */
export function excess(ceiling: Ceiling, other: Ceiling): CeilingFault | undefined {
  if (ceiling.account !== other.account) return 'account'
  const wide = ceiling.domains.length === 0 || ceiling.domains.some((domain) => !other.domains.includes(domain))
  if (other.domains.length > 0 && wide) return 'domains'
  if (ceiling.actions.some((action) => !other.actions.includes(action))) return 'actions'
  return other.grant === undefined || ceiling.grant === other.grant ? undefined : 'grant'
}

/** Whether he has a row there. Staff have none: a token for tools is for what one does as a customer or developer. */
function isHis(facts: Facts, account: string): boolean {
  if (facts.staff !== null || (facts.ceiling !== null && facts.ceiling.account !== account)) return false
  return (
    facts.contacts.some((contact) => contact.accountId === account) ||
    facts.grants.some((grant) => grant.accountId === account && isTie(grant, facts.now))
  )
}

/** Everything he may do anything about now: what he sees of the account's domains. */
const clausesOf = (facts: Facts): Clause[] => accountActions.flatMap((action) => reach(facts, action, facts.now))
const covers = ({ domains }: Clause, id: string): boolean => domains === 'all' || domains.includes(id)
