/** How a domain gets into an account: the one way a row comes into `domains`, and with it its name into the directory. */
import { sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { isPublicSuffix, normaliseHostname } from '../hostname.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import { type FieldError, invalid, Problem } from '../problem.ts'
import { eventOf } from './authorship.ts'
import { demandNotClosed } from './closed.ts'
import type { Authority } from './judge.ts'

/** A name as it was stated, and the JSON pointer of the field that did. */
export type StatedName = { text: string; pointer: string }

export type NewDomain = { id: string; name: string; pointer: string }

/**
 * Reads names into the form they are kept in.
 * @throws Problem `validation_error` for what is no host name, a public suffix, or stated twice.
 */
export function readDomainNames(stated: readonly StatedName[]): NewDomain[] {
  const read = new Map<string, NewDomain>()
  const errors: FieldError[] = []
  for (const { text, pointer } of stated) {
    const normal = normaliseHostname(text)
    if ('error' in normal) errors.push({ pointer, detail: normal.error, code: 'format' })
    else if (isPublicSuffix(normal.name)) errors.push({ pointer, detail: publicSuffix, code: 'public_suffix' })
    else if (read.has(normal.name)) errors.push({ pointer, detail: 'must not be stated twice', code: 'duplicate' })
    else read.set(normal.name, { id: newId(), name: normal.name, pointer })
  }
  if (errors.length > 0) throw invalid(...errors)
  return [...read.values()]
}

/**
 * Puts domains into an account, with one event each, in the caller's transaction.
 * @throws Problem `conflict` for a closed account, or naming the fields whose names are held, by this account or another; the transaction
 * must end with it.
 */
export async function holdDomains(tx: Database, authority: Authority, accountId: string, wanted: readonly NewDomain[]): Promise<void> {
  if (wanted.length === 0) return
  const free = await takeNames(tx, authority, accountId, wanted)
  const taken = wanted.filter(({ id }) => !free.has(id))
  if (taken.length > 0) throw held(taken)
  await append(tx, ...wanted.map(({ id, name }) => addedEvent(authority, accountId, id, name)))
}

/** The same for one name, and false, with nothing written, where somebody holds it. */
export async function holdFreeDomain(
  tx: Database,
  authority: Authority,
  accountId: string,
  { id, name }: Pick<NewDomain, 'id' | 'name'>,
  reason?: string,
): Promise<boolean> {
  const free = await takeNames(tx, authority, accountId, [{ id, name }])
  if (!free.has(id)) return false
  await append(tx, addedEvent(authority, accountId, id, name, reason))
  return true
}

/**
 * A name is held by one account at a time, which the directory's key decides and no query before it: two that put in one name at once
 * meet there. Returns the ids of those that were free.
 */
async function takeNames(
  tx: Database,
  authority: Authority,
  accountId: string,
  wanted: readonly Pick<NewDomain, 'id' | 'name'>[],
): Promise<Set<string>> {
  await demandNotClosed(tx, authority, accountId)
  // In the order of names, so that two requests with the same ones cannot deadlock; foreign keys are checked at the end.
  const { rows } = await tx.execute<{ id: string }>(sql`
    with held as (
      insert into domain_names (name, account_id, domain_id)
      select w.name, ${accountId}::uuid, w.id
      from unnest(${sql.param(wanted.map(({ id }) => id))}::uuid[], ${sql.param(wanted.map(({ name }) => name))}::text[]) w(id, name)
      order by w.name
      on conflict do nothing
      returning name, domain_id)
    insert into domains (account_id, id, name, created_at)
    select ${accountId}::uuid, held.domain_id, held.name, ${new Date(authority.at).toISOString()}::timestamptz from held
    returning id`)
  return new Set(rows.map(({ id }) => id))
}

const publicSuffix = 'must not be a public suffix, under which strangers register names of their own (publicsuffix.org)'

function addedEvent(authority: Authority, accountId: string, id: string, name: string, reason?: string) {
  const value = { name, ...(reason !== undefined && { reason }) }
  return eventOf(authority, 'domain.added', { accountId, resourceType: 'domain', resourceId: id, domainId: id, value })
}

function held(taken: readonly NewDomain[]): Problem {
  const errors = taken.map(({ name, pointer }) => ({ pointer, detail: `${name} is held by an account already`, code: 'taken' }))
  const detail = `${taken.map(({ name }) => name).join(', ')}: held by an account already; release it there first`
  return new Problem('conflict', { detail, members: { errors } })
}
