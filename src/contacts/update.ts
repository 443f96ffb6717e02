/** Another role or another limit for a contact, in force at once. */
import { change } from '../authority/change.ts'
import { changeTerms, type Terms } from '../authority/contact-terms.ts'
import type { Context } from '../authority/context.ts'
import { type AccountFact, question } from '../authority/facts.ts'
import type { Ask } from '../authority/judge.ts'
import type { ContactRow } from '../authority/load.ts'
import { brokenConstraint } from '../database/errors.ts'
import { stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { actOnContact, outcomeOf } from './falls.ts'
import { isLimitedOwner, limitedOwner, namedBy, readLimit, resolveLimit } from './limit.ts'
import { hasEnded, roleTaken } from './problems.ts'
import type { Contact, Falls, How, UpdateContact } from './schema.ts'
import { readContact } from './store.ts'

/**
 * Changes role or limit; what it has already is no change, and raises nothing. Both the role it has and the one it gets are part of the
 * question: nobody changes one who holds more than he does, or makes him so. Throws the refusal, `precondition_failed`, what is wrong with a
 * field, or a `conflict`.
 */
export async function updateContact(context: Context, standing: Standing, body: UpdateContact, how: How): Promise<Contact | Falls> {
  const { id: accountId } = standing.loaded.account as AccountFact
  const limit = body.domains === undefined ? undefined : readLimit(body.domains)
  const ask: Ask = {
    ...standing.ask,
    named: { ...standing.ask.named, ...namedBy(limit ?? null) },
    about: (loaded, action) => {
      const { role } = loaded.contact as ContactRow
      return question(action, accountId, { targets: [{ role }, { role: body.role ?? role }] })
    },
  }
  let altered = (how.adopt ?? []).length > 0
  const keys = { accounts: [accountId], unless: () => !altered }
  try {
    const acting = change(context, standing.caller, ask, keys, async (tx, authority, loaded) => {
      const { id, userId, status, version } = loaded.contact as ContactRow
      const account = loaded.account as AccountFact
      // Under the account's exclusive key: nobody else can change this version before the commit.
      if (standing.expectedVersion !== null && standing.expectedVersion !== version) throw stale(version)
      if (status === 'ended') throw hasEnded()
      const before = termsOf(await readContact(tx, account, id))
      const after = { role: body.role ?? before.role, limit: limit === undefined ? before.limit : resolveLimit(limit, loaded) }
      if (isLimitedOwner(after.role, after.limit !== null)) throw limitedOwner()
      return actOnContact(context, tx, authority, { accountId, id }, how, async () => {
        if (await changeTerms(context.jobs, tx, authority, { accountId, id, userId, status }, before, after)) altered = true
        return readContact(tx, account, id)
      })
    })
    return await outcomeOf(acting)
  } catch (error) {
    throw brokenConstraint(error) === 'contacts_active' ? roleTaken(error) : error
  }
}

function termsOf({ role, domains }: Contact): Terms {
  return { role, limit: domains === 'all' ? null : domains.map(({ id }) => id) }
}
