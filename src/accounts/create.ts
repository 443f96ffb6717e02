/** The provider makes an account for a customer: its number, its domains and the invitation of its first owner are one commit. */
import { sql } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { normaliseAddress } from '../address.ts'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { holdDomains, type NewDomain, readDomainNames } from '../authority/holdings.ts'
import type { Authority } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { accountNumbers, accounts } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { inviteContact } from '../outbox/contact-invitation.ts'
import { invalid, Problem } from '../problem.ts'
import type { CreateAccount } from './schema.ts'
import { readAccount } from './store.ts'

type Wanted = {
  name: string
  number: string | undefined
  owner: { address: string; name?: string | undefined } | undefined
  domains: NewDomain[]
}

/** Makes an account in state `new`. Throws the refusal, what is wrong with a field, or the conflict of a number or name that is taken. */
export function createAccount(context: Context, standing: Standing, body: CreateAccount): Promise<Answer> {
  const wanted = read(body)
  return changeOnce(context, standing.caller, standing.ask, {}, standing.repeatable, async (tx, authority) => {
    const id = await insert(tx, authority, wanted)
    await holdDomains(tx, authority, id, wanted.domains)
    if (wanted.owner !== undefined) {
      await inviteContact(context, tx, authority, { accountId: id, role: 'owner', limit: null, ...wanted.owner })
    }
    return {
      status: 201,
      headers: { location: `/v1/accounts/${id}`, etag: etagOf(1) },
      body: await readAccount(tx, id),
      made: { action: 'account.read', staffAction: 'staff.directory.read', account: id, ticket: null },
    }
  })
}

function read({ name, number, owner, domains = [] }: CreateAccount): Wanted {
  if (isUuid(number)) {
    throw invalid({ pointer: '#/number', detail: 'must not look like a UUID: it could be taken for an id', code: 'format' })
  }
  return {
    name,
    number,
    owner: owner && { address: readAddress(owner.address), name: owner.name },
    domains: readDomainNames(domains.map((text, index) => ({ text, pointer: `#/domains/${index}` }))),
  }
}

function readAddress(text: string): string {
  const normal = normaliseAddress(text)
  if ('error' in normal) throw invalid({ pointer: '#/owner/address', detail: normal.error, code: 'format' })
  return normal.address
}

async function insert(tx: Database, authority: Authority, wanted: Wanted): Promise<string> {
  const id = uuid()
  const at = new Date(authority.at)
  const number = wanted.number ?? (await drawNumber(tx))
  await tx.insert(accounts).values({ id, number, name: wanted.name, stateChangedAt: at, createdAt: at })
  const numbered = await tx.insert(accountNumbers).values({ number, accountId: id }).onConflictDoNothing().returning()
  if (numbered.length === 0) throw numberTaken(number)
  const event = { accountId: id, resourceType: 'account', resourceId: id, value: { number, name: wanted.name } }
  await append(tx, eventOf(authority, 'account.created', event))
  return id
}

/** The next number of the sequence that nobody was given by hand. */
async function drawNumber(tx: Database): Promise<string> {
  const { rows } = await tx.execute<{ number: string }>(sql`
    with recursive drawn(number) as (
      select 'C-' || nextval('account_number')
      union all
      select 'C-' || nextval('account_number') from drawn where exists (select from account_numbers taken where taken.number = drawn.number))
    select number from drawn where not exists (select from account_numbers taken where taken.number = drawn.number)`)
  return (rows[0] as { number: string }).number
}

function numberTaken(number: string): Problem {
  const errors = [{ pointer: '#/number', detail: 'is the number of another account', code: 'taken' }]
  return new Problem('conflict', { detail: `The number ${number} belongs to another account`, members: { errors } })
}
