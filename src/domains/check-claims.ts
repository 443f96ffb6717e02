/** The job that looks for the records of open claims, those it has not looked at for longest first, and ends claims whose time is over. */
import { and, eq, gt, sql } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { question } from '../authority/facts.ts'
import type { Authority } from '../authority/judge.ts'
import { type Caller, load } from '../authority/load.ts'
import type { Database } from '../database/open.ts'
import { domainClaims } from '../database/tables.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import type { TxtResolver } from '../txt.ts'
import { type ClaimRow, findPending, lapseOver, noteChecked, settle } from './claim-life.ts'
import { isOpen, isProven } from './prove.ts'

/** How many each run looks at, and how many at once: strangers' servers may be slow. */
const most = 500
const atOnce = 10

export function checkClaims(context: Context, txt: TxtResolver): JobHandler {
  return async (_payload, signal) => {
    const { db, clock } = context
    while ((await db.transaction((tx) => lapseOver(tx, clock.now()))) > 0) signal.throwIfAborted()
    const open = and(eq(domainClaims.status, 'pending'), gt(domainClaims.expiresAt, new Date(clock.now())))
    const due = await db.select().from(domainClaims).where(open).orderBy(sql`${domainClaims.checkedAt} nulls first`).limit(most)
    for (let first = 0; first < due.length; first += atOnce) {
      signal.throwIfAborted()
      await Promise.all(due.slice(first, first + atOnce).map((claim) => look(context, txt, claim)))
    }
  }
}

async function look(context: Context, txt: TxtResolver, claim: ClaimRow): Promise<void> {
  if (!(await isProven(txt, claim))) return noteChecked(context.db, context.clock.now(), claim)
  const { accountId, id, actorUserId } = claim
  await changeByProof(context, { users: [actorUserId], accounts: [accountId] }, async (tx) => {
    const authority = await authorityNow(context, tx, claim)
    const found = await findPending(tx, accountId, { id })
    if (authority !== null && found !== undefined && isOpen(found, authority.at)) await settle(tx, authority, found)
    else await noteChecked(tx, context.clock.now(), claim)
  })
}

/** What the one who made the claim may do now, as if he asked: null when he may not any more. Then another contact can look himself. */
async function authorityNow({ clock }: Context, tx: Database, claim: ClaimRow): Promise<Authority | null> {
  const { actorUserId, accountId, sessionId, verification, verificationLevel, verifiedAt, id: requestId } = claim
  const caller: Caller = { userId: actorUserId, clientId: null, ceiling: null, sessionId, requestId, authenticatedAt: 0 }
  const { facts } = await load(tx, clock.offset(), caller, { account: { id: accountId } })
  const ownTime = { authenticatedAt: verifiedAt.getTime(), expiresAt: facts.now + 1, endedAt: null }
  const session = { id: sessionId, kind: 'person', method: verification, level: verificationLevel, ...ownTime } as const
  const action = 'domain.manage'
  const decision = decide({ ...facts, session }, question(action, accountId), facts.now)
  if (!decision.permit) return null
  const { via } = decision
  const who = { actorUserId, clientId: facts.client?.id ?? null, capacity: via.capacity, via, sessionId }
  return { at: facts.now, accountId, ...who, verification, verificationLevel, verifiedAt: verifiedAt.getTime(), action, requestId }
}
