/** Changing one's password: whoever else knew it, or holds a session it began, is out. */
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { personOf } from '../authority/load.ts'
import type { Database } from '../database/open.ts'
import { throttled } from '../database/throttle.ts'
import type { Standing } from '../http/types.ts'
import { endSessions } from '../identity/end-sessions.ts'
import { tellOfGuesses } from '../identity/guesses.ts'
import { stepUpBuckets } from '../identity/limits.ts'
import { demandPassword, hashPassword, verifyPassword } from '../identity/passwords.ts'
import { demandShownFactor } from '../identity/shown.ts'
import { append } from '../journal/append.ts'
import { postSecurityNotice } from '../outbox/post.ts'
import { type FieldError, invalid, type Problem } from '../problem.ts'
import type { ChangePassword } from './schema.ts'
import { openSessions, passwordOf, provenAddresses, setPassword, standingTokens } from './store.ts'

/**
 * Ends every other session and personal access token that is not kept by name. @throws Problem `validation_error` for a wrong or new
 * password that will not do, or for what is kept and is none of his; `second_factor_required`, `quota_exceeded`, `unavailable`
 */
export async function changePassword(context: Context, { caller, ask }: Standing, body: ChangePassword, network: string): Promise<void> {
  const { db, config, jobs } = context
  const userId = personOf(caller)
  demandPassword(body.newPassword, await provenAddresses(db, userId), '#/newPassword')
  const stored = await provenHash(context, userId, body.currentPassword, network)
  const passwordHash = await hashPassword(config, body.newPassword)
  await change(context, caller, ask, { users: [userId] }, async (tx, authority, loaded) => {
    if ((await passwordOf(tx, userId)) !== stored) throw wrongPassword()
    await demandShownFactor(tx, loaded, userId)
    const kept = await keptSessions(tx, userId, body)
    await setPassword(tx, userId, passwordHash, authority.at)
    await append(tx, eventOf(authority, 'password.changed', { resourceType: 'user', resourceId: userId }))
    await endSessions(tx, userId, [caller.sessionId, ...kept], authority.at, (kind, rest) => eventOf(authority, kind, rest))
    await postSecurityNotice(jobs, tx, 'password_changed', userId)
  })
}

async function provenHash(context: Context, userId: string, password: string, network: string): Promise<string> {
  const { db, clock, config } = context
  const check = async () => {
    const stored = await passwordOf(db, userId)
    return (await verifyPassword(config, stored, password)) ? (stored as string) : undefined
  }
  const whenSpent = tellOfGuesses(context, () => userId)
  const hash = await throttled(db, clock.offset(), stepUpBuckets(userId, network), check, { whenSpent })
  if (hash === undefined) throw wrongPassword()
  return hash
}

/** The sessions behind what is kept. A name that is none of his is refused: what he meant to keep would end. */
async function keptSessions(tx: Database, userId: string, { keepSessions = [], keepAccessTokens = [] }: ChangePassword): Promise<string[]> {
  const open = await openSessions(tx, userId, keepSessions)
  const tokens = await standingTokens(tx, userId, keepAccessTokens)
  const unknown = (field: string, ids: readonly string[], known: readonly string[]): FieldError[] =>
    ids.flatMap((id, index) => (known.includes(id.toLowerCase()) ? [] : { pointer: `#/${field}/${index}`, detail, code: 'unknown' }))
  const errors = [
    ...unknown('keepSessions', keepSessions, open),
    ...unknown(
      'keepAccessTokens',
      keepAccessTokens,
      tokens.map(({ id }) => id),
    ),
  ]
  if (errors.length > 0) throw invalid(...errors)
  return [...open, ...tokens.map(({ sessionId }) => sessionId)]
}

const detail = 'is none of yours that is still good'

// The caller is known and stays so; it is the field that is wrong.
const wrongPassword = (): Problem => invalid({ pointer: '#/currentPassword', detail: 'is not your password', code: 'wrong' })
