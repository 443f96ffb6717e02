/** What a contact is to be limited to, as a body states it. */
import type { DomainFact } from '../authority/facts.ts'
import type { Loaded } from '../authority/load.ts'
import { domainRef } from '../http/access.ts'
import { type FieldError, invalid, type Problem } from '../problem.ts'
import type { ContactRole } from '../vocabulary.ts'
import type { StatedLimit } from './schema.ts'

type Ref = { id: string } | { name: string }

/** The domains to load with the facts; null for no limit. */
export type Limit = readonly Ref[] | null

/**
 * Reads a stated limit.
 * @throws Problem `validation_error` for what can be no domain.
 */
export function readLimit(stated: StatedLimit): Limit {
  if (stated === 'all') return null
  const refs = stated.map(domainRef)
  demand(
    refs.map((ref) => ref !== undefined),
    'must be a domain name or the id of a domain',
    'format',
  )
  return refs as Ref[]
}

/** What of it the facts are asked for. */
export function namedBy(limit: Limit): { domainIds: string[]; domainNames: string[] } {
  const refs = limit ?? []
  return {
    domainIds: refs.flatMap((ref) => ('id' in ref ? ref.id : [])),
    domainNames: refs.flatMap((ref) => ('name' in ref ? ref.name : [])),
  }
}

/**
 * The ids of the domains, as the account holds them now; null for no limit.
 * @throws Problem `validation_error` for each that it does not hold: whether somebody else does is not said.
 */
export function resolveLimit(limit: Limit, loaded: Loaded): string[] | null {
  if (limit === null) return null
  const found = limit.map((ref) =>
    loaded.domains.find((domain) => domain.releasedAt === null && ('id' in ref ? domain.id === ref.id : domain.name === ref.name)),
  )
  demand(
    found.map((domain) => domain !== undefined),
    'is no domain of this account',
    'unknown_domain',
  )
  return [...new Set((found as DomainFact[]).map(({ id }) => id))]
}

/** An owner stands for the whole account. */
export function limitedOwner(): Problem {
  return invalid({ pointer: '#/domains', detail: 'must be "all" for an owner, who is never limited', code: 'limited_owner' })
}

/** Whether the role and the limit go together. */
export const isLimitedOwner = (role: ContactRole, limited: boolean): boolean => role === 'owner' && limited

function demand(good: readonly boolean[], detail: string, code: string): void {
  const errors = good.flatMap((is, index): FieldError[] => (is ? [] : [{ pointer: `#/domains/${index}`, detail, code }]))
  if (errors.length > 0) throw invalid(...errors)
}
