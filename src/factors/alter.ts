/** What every act on second factors shares: whose key it holds, what must have been shown, and what follows when a factor counts. */
import { and, eq, isNull, ne } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Authority } from '../authority/judge.ts'
import { type Loaded, personOf } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { secondFactors, sessions } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { renewRecoveryCodes } from '../identity/recovery-codes.ts'
import { demandShownFactor } from '../identity/shown.ts'
import { append } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'
import { postSecurityNotice } from '../outbox/post.ts'
import { Problem } from '../problem.ts'
import type { AddedFactor } from './schema.ts'
import { type FactorRow, present, toFactor } from './store.ts'

export type Act = { tx: Database; authority: Authority; loaded: Loaded; userId: string }

/** Alters the caller's own factors, once per key; he can read what it made by `self.read`. */
export function alterFactors(context: Context, standing: Standing, work: (act: Act) => Promise<Answer>): Promise<Answer> {
  const { caller, ask, repeatable } = standing
  const userId = personOf(caller)
  return changeOnce(context, caller, ask, { users: [userId] }, repeatable, async (tx, authority, loaded) => {
    const answer = await work({ tx, authority, loaded, userId })
    return { ...answer, made: { action: 'self.read', staffAction: null, account: null, ticket: null } }
  })
}

/** Whoever has a factor must have shown one in this session before he alters any. Returns whether there is a factor. */
export const demandShown = ({ tx, loaded, userId }: Act): Promise<boolean> => demandShownFactor(tx, loaded, userId)

const most = 10

/** Room for one more, so that a list of them stays one that a person can oversee. */
export async function demandRoom({ tx, userId }: Act): Promise<void> {
  const held = await tx.$count(secondFactors, present(userId))
  if (held >= most) throw new Problem('conflict', { detail: `You have ${most} second factors: remove one first` })
}

/** What follows when a factor counts from now on: the person is told, and with his first one he gets recovery codes. */
export async function added({ jobs }: Context, act: Act, row: FactorRow, isFirst: boolean): Promise<Pick<Answer, 'body' | 'storedBody'>> {
  const { tx, authority, userId } = act
  await append(tx, factorEvent(act, 'factor.added', row))
  await postSecurityNotice(jobs, tx, 'factor_added', userId)
  const recoveryCodes = isFirst ? await renewRecoveryCodes(tx, userId, authority.at) : null
  if (isFirst) await endPasswordSessions(act)
  const body: AddedFactor = {
    factor: toFactor(row),
    recoveryCodes,
    detail: isFirst ? 'Keep the recovery codes where you will find them without your factors' : 'Your recovery codes stay as they are',
  }
  const lost = 'The recovery codes were shown once; POST /v1/me/second-factors/recovery-codes makes others'
  return { body, storedBody: isFirst ? { ...body, recoveryCodes: null, detail: lost } : body }
}

export function factorEvent({ authority }: Act, kind: EventKind, { id }: { id: string }) {
  return eventOf(authority, kind, { resourceType: 'second_factor', resourceId: id })
}

/** Whoever knew the password alone may hold a session; from now on the password is not enough, so these sessions end. */
async function endPasswordSessions({ tx, authority, userId }: Act): Promise<void> {
  const others = and(eq(sessions.userId, userId), eq(sessions.kind, 'person'), eq(sessions.method, 'password'), isNull(sessions.endedAt))
  const ended = await tx
    .update(sessions)
    .set({ endedAt: new Date(authority.at) })
    .where(and(others, ne(sessions.id, authority.sessionId)))
    .returning({ id: sessions.id })
  await append(tx, ...ended.map(({ id }) => eventOf(authority, 'session.ended', { resourceType: 'session', resourceId: id })))
}
