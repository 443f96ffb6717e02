/** How a user comes to be: always with an address that was just proven to us. */
import type { Database } from '../database/open.ts'
import { addresses, providerAccountId, users } from '../database/tables.ts'
import { newId } from '../id.ts'
import { type About, append, type JournalEvent } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'
import type { VerificationMethod } from '../vocabulary.ts'

/** The address was proven by somebody else meanwhile; the transaction must not commit. */
export class AddressTaken extends Error {}

/** `verification` is how he has proven the address. */
export type Newcomer = { name: string; address: string; passwordHash: string; verification: VerificationMethod }

/** Makes the user and his proven address, as he did it himself. `now` in epoch ms. @throws AddressTaken */
export function createUser(tx: Database, newcomer: Newcomer, now: number, requestId: string): Promise<string> {
  const { verification } = newcomer
  return insertUser(tx, newcomer, now, (kind, userId, rest) => selfEvent(kind, userId, now, requestId, { verification, ...rest }))
}

/** The same by whoever `event` says. @throws AddressTaken */
export async function insertUser(
  tx: Database,
  newcomer: Omit<Newcomer, 'verification'>,
  now: number,
  event: (kind: EventKind, userId: string, rest: About) => JournalEvent,
): Promise<string> {
  const id = newId()
  const at = new Date(now)
  await tx.insert(users).values({ id, name: newcomer.name, passwordHash: newcomer.passwordHash, createdAt: at })
  const address = { id: newId(), userId: id, address: newcomer.address, createdAt: at, provenAt: at }
  const proven = await tx.insert(addresses).values(address).onConflictDoNothing().returning({ id: addresses.id })
  if (proven.length === 0) throw new AddressTaken()
  await append(
    tx,
    event('user.created', id, { resourceType: 'user', resourceId: id }),
    event('address.proven', id, { resourceType: 'address', resourceId: address.id }),
  )
  return id
}

/** `verification` is how he has proven himself just now. */
type ByProof = About & { verification?: VerificationMethod }

/** An event about what somebody did by a proof instead of a session. `now` in epoch ms. */
export function selfEvent(
  kind: EventKind,
  userId: string,
  now: number,
  requestId: string,
  { verification, ...rest }: ByProof = {},
): JournalEvent {
  const verified = verification === undefined ? {} : { verification, verifiedAt: now }
  const who = { actorUserId: userId, capacity: 'self', viaId: userId } as const
  return { accountId: providerAccountId, kind, at: now, ...who, requestId, ...verified, ...rest }
}
