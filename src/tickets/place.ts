/** Where a ticket belongs: the domain as people state it, by id or name, or a host below it. Nothing is inferred across accounts. */
import type { DomainFact } from '../authority/facts.ts'
import type { Loaded, Named } from '../authority/load.ts'
import { ancestors, normaliseHostname } from '../hostname.ts'
import { accountRef, isUuid } from '../http/access.ts'
import { invalid } from '../problem.ts'

/** A stated domain, and what of it the facts are asked for. `host` is null for one stated by its id, and for none. */
export type Place = { host: string | null; named: { domainIds: string[]; domainNames: string[] } }

/** What a new ticket's body names. A name that cannot be one names nothing: `placeOf` says so when it comes to it. */
export function namedByBody({ account, domain }: { account: string; domain: string | null }): Named {
  const unnamed = domain !== null && !isUuid(domain) && 'error' in normaliseHostname(domain)
  return { account: accountRef(account), ...(unnamed ? {} : placeOf(domain).named) }
}

/** A stated domain: by id, or by a name that may be a host below a held one. */
export function placeOf(stated: string | null): Place {
  if (stated === null) return { host: null, named: { domainIds: [], domainNames: [] } }
  if (isUuid(stated)) return { host: null, named: { domainIds: [stated], domainNames: [] } }
  const normal = normaliseHostname(stated)
  if ('error' in normal) throw invalid({ pointer: '#/domain', detail: normal.error, code: 'format' })
  return { host: normal.name, named: { domainIds: [], domainNames: ancestors(normal.name) } }
}

/** The longest match inside the named account only; null when the account holds no such domain. */
export function heldDomain(loaded: Loaded, place: Place): DomainFact | null {
  const longestFirst = [...loaded.domains].sort((a, b) => b.name.length - a.name.length)
  return longestFirst.find((domain) => place.host === null || domain.releasedAt === null) ?? null
}
