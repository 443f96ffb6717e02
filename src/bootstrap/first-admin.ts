/** The first admin: made once, by whoever holds the token that the start of the service has shown. */
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { providerAccountId, staffMembers } from '../database/tables.ts'
import { newId } from '../id.ts'
import { adminKeys, hasAdmin } from '../identity/admins.ts'
import { AddressTaken, createUser, selfEvent } from '../identity/newcomer.ts'
import { demandPassword, hashPassword } from '../identity/passwords.ts'
import { addressOf } from '../identity/schema.ts'
import { findToken, refusedToken, spendToken } from '../identity/tokens.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import type { Bootstrap, Bootstrapped } from './schema.ts'

/** Makes the user, his proven address and his role. @throws Problem `not_authorised` for every token that is not the one that counts */
export async function makeFirstAdmin(
  context: Context,
  { token, name, address, password }: Bootstrap,
  requestId: string,
): Promise<Bootstrapped> {
  const { db, clock, config } = context
  const normal = addressOf(address, { pointer: '#/address' })
  demandPassword(password, normal)
  const { id: tokenId } = await findToken(db, clock.offset(), token, ['bootstrap'])
  const passwordHash = await hashPassword(config, password)
  const userId = await changeByProof(context, adminKeys, async (tx, now) => {
    await spendToken(tx, tokenId, now)
    if (await hasAdmin(tx)) throw refusedToken()
    const verification = 'token'
    const made = await createUser(tx, { name, address: normal, passwordHash, verification }, now, requestId)
    const staffMember = newId()
    await tx.insert(staffMembers).values({ id: staffMember, userId: made, role: 'admin', givenAt: new Date(now) })
    await append(
      tx,
      selfEvent('service.bootstrapped', made, now, requestId, { verification, resourceType: 'account', resourceId: providerAccountId }),
      selfEvent('staff.given', made, now, requestId, { verification, resourceType: 'staff_member', resourceId: staffMember }),
    )
    return made
  }).catch(refuseTaken)
  return { user: { id: userId, name }, staff: { role: 'admin' } }
}

function refuseTaken(error: unknown): never {
  if (!(error instanceof AddressTaken)) throw error
  throw new Problem('conflict', {
    detail: 'This address belongs to a user already; a staff user needs an address of its own',
    cause: error,
  })
}
