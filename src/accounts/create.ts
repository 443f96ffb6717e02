/** The provider makes an account for a customer: its number, its domains and the invitation of its first owner are one commit. */
import { normaliseAddress } from '../address.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { holdDomains, type NewDomain, readDomainNames } from '../authority/holdings.ts'
import { makeAccount } from '../authority/new-account.ts'
import type { Answer } from '../database/idempotency.ts'
import { isUuid } from '../http/access.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { inviteContact } from '../outbox/contact-invitation.ts'
import { invalid } from '../problem.ts'
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
  return changeOnce(context, standing.caller, standing.ask, {}, standing.repeatable, async (tx, authority, { facts }) => {
    const { name, number } = wanted
    const id = await makeAccount(tx, authority, { name, number, realm: facts.client?.realm ?? null })
    await holdDomains(tx, authority, id, wanted.domains)
    if (wanted.owner !== undefined) {
      await inviteContact(context, tx, authority, { accountId: id, role: 'owner', limit: null, ...wanted.owner })
    }
    return {
      status: 201,
      headers: { location: `/v1/accounts/${id}`, etag: etagOf(1) },
      body: await readAccount(tx, id),
      made: { action: 'staff.provision', staffAction: 'staff.directory.read', account: id, ticket: null },
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
