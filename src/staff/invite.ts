import { and, eq, isNotNull } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { addresses } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { addressOf } from '../identity/schema.ts'
import { append } from '../journal/append.ts'
import { mailToken } from '../outbox/tokens.ts'
import { Problem } from '../problem.ts'
import type { InviteStaff } from './schema.ts'

/**
 * Invites somebody to become staff: always a new user, with an address nobody has proven, because staff are never contacts or
 * developers. The invitation stands only as long as the one who invites is an active admin.
 */
export function inviteStaff(context: Context, { caller, ask, repeatable }: Standing, { address, role }: InviteStaff): Promise<Answer> {
  const normal = addressOf(address, { pointer: '#/address' })
  const lifeMs = context.config.invitationDays * 86_400_000
  return changeOnce(context, caller, ask, {}, repeatable, async (tx, authority) => {
    await demandUnproven(tx, normal)
    const row = { purpose: 'staff_invitation', address: normal, staffRole: role, invitedBy: caller.userId } as const
    const id = await mailToken(context.jobs, tx, row, authority.at, lifeMs)
    await append(tx, eventOf(authority, 'staff.invited', { resourceType: 'invitation', resourceId: id, value: { address: normal, role } }))
    const expiresAt = new Date(authority.at + lifeMs).toISOString()
    return {
      status: 202,
      headers: { location: '/v1/staff' },
      body: { status: 'accepted', invitation: { id, address: normal, role, expiresAt } },
      made: { action: 'staff.directory.read', staffAction: 'staff.directory.read', account: null, ticket: null },
    }
  })
}

async function demandUnproven(tx: Database, address: string): Promise<void> {
  const owners = await tx
    .select({ id: addresses.id })
    .from(addresses)
    .where(and(eq(addresses.address, address), isNotNull(addresses.provenAt)))
  if (owners.length === 0) return
  throw new Problem('conflict', { detail: 'This address belongs to a user; staff are always new users, with an address of their own' })
}
