/** A developer's own side of his grants: seeing them, accepting what is offered to him in the place of one, declining it, resigning. */
import { and, eq, inArray, isNotNull, ne, or, type SQL, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { type AccountFact, question } from '../authority/facts.ts'
import { bringIntoForce } from '../authority/in-force.ts'
import { type Ask, actorOf, found } from '../authority/judge.ts'
import { load, personOf } from '../authority/load.ts'
import { offersTo } from '../authority/offers.ts'
import { tieAfterEnd } from '../authority/reason.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { grants } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { Problem } from '../problem.ts'
import { type Act, type Of, startAct } from './act.ts'
import { endBy } from './end.ts'
import { invalidStep } from './life.ts'
import type { MyGrant } from './mine-schema.ts'
import type { Moment } from './moment.ts'
import { recordRefusal } from './record.ts'
import type { Grant } from './schema.ts'
import { readGrant, selectPage } from './store.ts'
import { tellSides } from './tell.ts'

/**
 * Those that are or were in force, and what was offered to him by name, while who offered it could give it. Not what he only asked for:
 * that he would find it here, or not, would tell him whether his code was right. Nor what was offered to an address: who reads that mailbox
 * now is for the mailed token to say.
 * What has ended stays while it ties him to the account; then what becomes of the account is not his to see.
 */
async function isHis(db: Database, userId: string, now: number): Promise<SQL | undefined> {
  const offered = or(ne(grants.status, 'invited'), inArray(grants.id, await offersTo(db, userId)))
  const tied = new Date(now - tieAfterEnd).toISOString()
  const end = sql`least(${grants.endedAt}, ${grants.expiresAt}) > ${tied}::timestamptz`
  return and(eq(grants.granteeUserId, userId), or(isNotNull(grants.approvedAt), and(isNotNull(grants.grantorContactId), offered)), end)
}

/** Newest first. */
export async function listMine(
  db: Database,
  userId: string,
  moment: Moment,
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<MyGrant[]> {
  return (await selectPage(db, await isHis(db, userId, moment.now), after, limit, moment)).map(toMine)
}

/** One of his. @throws Problem `not_found`, the same for another's and for what does not exist */
export async function findMine(db: Database, userId: string, id: string, now: number): Promise<Of> {
  const [row] = isUuid(id)
    ? await db
        .select({ accountId: grants.accountId, id: grants.id })
        .from(grants)
        .where(and(await isHis(db, userId, now), eq(grants.id, id)))
    : []
  return found(row)
}

/** One of his, which `findMine` found. */
export async function showMine(db: Database, { accountId, id }: Of, moment: Moment): Promise<MyGrant> {
  return toMine(await readGrant(db, accountId, id, moment))
}

/** Without what concerns the account alone: why it is suspended, and which contact row stands for it. Of what `isHis` somebody does. */
function toMine({ suspensionCauses: _causes, grantor, grantee: _grantee, ...rest }: Grant): MyGrant {
  return { ...rest, grantor: (grantor as NonNullable<Grant['grantor']>).user }
}

/** Agrees to what was offered to him by name, in the place of a grant of his. */
export function acceptMine(context: Context, standing: Standing, id: string): Promise<Answer> {
  return actOnMine(context, standing, id, async (act) => {
    const { tx, authority, loaded, grant } = act
    if (act.status !== 'invited') throw invalidStep('grantee', act.status, 'active')
    const userId = actorOf(authority)
    await bringIntoForce(
      tx,
      { account: loaded.account as AccountFact, id: grant.id, granteeUserId: userId },
      {
        jobs: context.jobs,
        userId,
        at: authority.at,
        clockOffset: context.clock.offset(),
        event: (kind, rest) => eventOf(authority, kind, rest),
      },
    )
    await tellSides(act, 'grant_accepted')
    return true
  })
}

/** Says no to it. */
export function declineMine(context: Context, standing: Standing, id: string): Promise<Answer> {
  return actOnMine(context, standing, id, (act) => endBy('grantee', act, 'declined'))
}

/** Gives a grant back, at once. */
export function resignMine(context: Context, standing: Standing, id: string): Promise<Answer> {
  return actOnMine(context, standing, id, (act) => endBy('grantee', act, 'resigned'))
}

/** Under the key of the account whose grant it is. A refused attempt stays in that account's journal. */
async function actOnMine(context: Context, standing: Standing, id: string, work: (act: Act) => Promise<boolean>): Promise<Answer> {
  const { db, clock, config } = context
  const { caller, expectedVersion, repeatable } = standing
  const of = await findMine(db, personOf(caller), id, standing.loaded.facts.now)
  const named = { account: { id: of.accountId }, grant: of.id }
  const ask: Ask = { ...standing.ask, named, about: (_loaded, action) => question(action, null) }
  let altered = false
  const keys = { accounts: [of.accountId], unless: () => !altered }
  try {
    return await changeOnce(context, caller, ask, keys, repeatable, async (tx, authority, loaded) => {
      altered = await work(await startAct(context, tx, authority, loaded, of, expectedVersion))
      const body = await showMine(tx, of, { now: authority.at, answerDays: config.invitationDays })
      const made = { action: 'self.read', staffAction: null, account: null, ticket: null }
      return { status: 200, headers: { etag: etagOf(body.version) }, body, made }
    })
  } catch (error) {
    if (error instanceof Problem) {
      const loaded = await load(db, clock.offset(), caller, named)
      await recordRefusal(context, { ...standing, loaded }, error, of.accountId, of.id)
    }
    throw error
  }
}
