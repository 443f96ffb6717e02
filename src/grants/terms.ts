/** Less of a grant: every member within what it holds, so that what comes of it is never more than was shown. */
import { and, eq, notInArray, sql } from 'drizzle-orm'
import type { DomainFact } from '../authority/facts.ts'
import type { Loaded, Named } from '../authority/load.ts'
import type { Database } from '../database/open.ts'
import { grantDomains, grants } from '../database/tables.ts'
import { domainRef } from '../http/access.ts'
import { type FieldError, invalid } from '../problem.ts'
import type { GrantColumns } from './row.ts'
import type { NarrowGrant } from './schema.ts'

export type Ref = { id: string } | { name: string }

/** The domains a body states. @throws Problem `validation_error` for what can be no domain. */
export function refsOf(stated: readonly string[]): Ref[] {
  return stated.map((text, index) => {
    const ref = domainRef(text)
    if (ref === undefined)
      throw invalid({ pointer: `#/domains/${index}`, detail: 'must be a domain name or the id of a domain', code: 'format' })
    return ref
  })
}

/** What of them the facts are asked for. */
export function namedBy(refs: readonly Ref[]): Pick<Named, 'domainIds' | 'domainNames'> {
  return {
    domainIds: refs.flatMap((ref) => ('id' in ref ? ref.id : [])),
    domainNames: refs.flatMap((ref) => ('name' in ref ? ref.name : [])),
  }
}

/** Each stated domain as the account holds it; null for one it does not. By its name that is never one that was released. */
export function resolve({ domains }: Loaded, stated: readonly Ref[]): (DomainFact | null)[] {
  const is = (ref: Ref, { id, name, releasedAt }: DomainFact) => ('id' in ref ? id === ref.id : name === ref.name && releasedAt === null)
  return stated.map((ref) => domains.find((domain) => is(ref, domain)) ?? null)
}

export type Terms = Pick<GrantColumns, 'actions' | 'topics' | 'reach' | 'maxUses' | 'expiresAt'> & { domainIds: string[] }

/**
 * The terms of a grant with less of some, and the names of those that differ. `domainIds` are what the body names, null for all it has;
 * `now` in epoch ms.
 * @throws Problem `validation_error` for each member that is not less
 */
export function narrowed(
  row: Terms & { uses: number },
  body: NarrowGrant,
  domainIds: readonly string[] | null,
  now: number,
): { terms: Terms; changed: string[] } {
  const terms: Terms = {
    domainIds: domainIds === null ? row.domainIds : [...new Set(domainIds)],
    actions: body.actions ?? row.actions,
    topics: body.topics ?? row.topics,
    reach: body.reach ?? row.reach,
    maxUses: body.maxUses ?? row.maxUses,
    expiresAt: body.expiresAt === undefined ? row.expiresAt : new Date(instantIn('expiresAt', body.expiresAt)),
  }
  const errors = faultsOf(row, terms, now)
  if (errors.length > 0) throw invalid(...errors)
  return { terms, changed: changesOf(row, terms) }
}

const wider = 'is more than the grant holds; more is a new grant in its place (extend)'

function faultsOf(row: Terms & { uses: number }, terms: Terms, now: number): FieldError[] {
  const errors: FieldError[] = []
  const fault = (member: string, detail: string, code: string) => errors.push({ pointer: `#/${member}`, detail, code })
  if (!within(terms.domainIds, row.domainIds)) fault('domains', wider, 'wider')
  if (!within(terms.actions, row.actions)) fault('actions', wider, 'wider')
  if (row.topics !== null && !within(terms.topics as string[], row.topics)) fault('topics', wider, 'wider')
  if (terms.reach === 'domain' && row.reach === 'own') fault('reach', wider, 'wider')
  if (row.maxUses !== null && (terms.maxUses as number) > row.maxUses) fault('maxUses', wider, 'wider')
  if (terms.maxUses !== null && terms.maxUses < row.uses)
    fault('maxUses', `must be at least ${row.uses}, which are used already`, 'too_few')
  if (terms.expiresAt > row.expiresAt) fault('expiresAt', wider, 'wider')
  if (terms.expiresAt.getTime() <= now) fault('expiresAt', 'must be later than now; to end it, revoke it', 'too_early')
  return errors
}

const within = (some: readonly string[], all: readonly string[]): boolean => some.every((member) => all.includes(member))

function changesOf(before: Terms, after: Terms): string[] {
  const shown = ({ domainIds, actions, topics, ...rest }: Terms): Record<string, unknown> => ({
    domains: domainIds.toSorted(),
    actions: actions.toSorted(),
    topics: topics?.toSorted() ?? null,
    reach: rest.reach,
    maxUses: rest.maxUses,
    expiresAt: rest.expiresAt.getTime(),
  })
  const [from, to] = [shown(before), shown(after)]
  return Object.keys(from).filter((member) => JSON.stringify(from[member]) !== JSON.stringify(to[member]))
}

/** Writes other terms into the row, in the caller's transaction. */
export async function writeTerms(tx: Database, { accountId, id }: Pick<GrantColumns, 'accountId' | 'id'>, terms: Terms): Promise<void> {
  const { domainIds, ...columns } = terms
  await tx
    .update(grants)
    .set({ ...columns, version: sql`${grants.version} + 1` })
    .where(and(eq(grants.accountId, accountId), eq(grants.id, id)))
  const dropped = and(eq(grantDomains.accountId, accountId), eq(grantDomains.grantId, id), notInArray(grantDomains.domainId, domainIds))
  await tx.delete(grantDomains).where(dropped)
}

/** A leap second passes as a date-time, but no clock of ours knows it. */
export function instantIn(field: string, text: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw invalid({ pointer: `#/${field}`, detail: 'must be an instant without a leap second', code: 'format' })
  return at
}
