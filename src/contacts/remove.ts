/** The end of a contact: it takes effect at once, with all that stood on it. */
import { change } from '../authority/change.ts'
import { endContact } from '../authority/contact-terms.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import type { ContactRow } from '../authority/load.ts'
import type { Standing } from '../http/types.ts'
import { actOnContact, outcomeOf } from './falls.ts'
import type { Falls, How } from './schema.ts'

/**
 * Removes a contact, or withdraws one that is only invited. It only takes away: it needs no version, and one that has ended already stays
 * as it is. Who keeps grants by adopting them gives something, which wants a fresh sign-in. Throws the refusal, or `conflict` for the last
 * owner.
 */
export function removeContact(context: Context, standing: Standing, how: How): Promise<undefined | Falls> {
  const { id: accountId } = standing.loaded.account as AccountFact
  const ask = how.adopt === undefined ? standing.ask : { ...standing.ask, stepUp: true }
  let altered = how.adopt !== undefined
  const keys = { accounts: [accountId], unless: () => !altered }
  const acting = change(context, standing.caller, ask, keys, async (tx, authority, loaded) => {
    const { id, userId, status, role } = loaded.contact as ContactRow
    if (status !== 'ended') altered = true
    const end = async () => {
      if (status !== 'ended') await endContact(context.jobs, tx, authority, { accountId, id, userId, status }, role)
      return undefined
    }
    return actOnContact(context, tx, authority, { accountId, id }, how, end)
  })
  return outcomeOf(acting)
}
