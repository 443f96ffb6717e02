/**
 * A personal access token: for a tool, with a name and a longer life, below a ceiling. It hangs on a session of its own, so that
 * everything that ends a session ends it.
 */
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Ceiling, SessionFact } from '../authority/facts.ts'
import { type Authority, actorOf } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { accessTokens, sessions } from '../database/tables.ts'
import { type CeilingFault, ceilingOf, namedByCeiling } from '../http/ceilings.ts'
import { newPersonalToken } from '../http/personal-tokens.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { demandShownFactor } from '../identity/shown.ts'
import { append } from '../journal/append.ts'
import { invalid, type Problem } from '../problem.ts'
import type { MakeAccessToken } from './schema.ts'
import { toAccessToken } from './store.ts'

const longestMs = 365 * 86_400_000

/** @throws Problem the refusal; `validation_error` for what he has no tie to, which looks like what is not there */
export function makeAccessToken(context: Context, { caller, ask, repeatable }: Standing, body: MakeAccessToken): Promise<Answer> {
  const { name, expiresAt, ...stated } = body
  const { secret, hash } = newPersonalToken()
  const asked = { ...ask, named: { ...ask.named, ...namedByCeiling(stated) } }
  return changeOnce(context, caller, asked, { users: [personOf(caller)] }, repeatable, async (tx, authority, loaded) => {
    await demandShownFactor(tx, loaded, personOf(caller))
    const ceiling = ceilingOf(stated, loaded)
    if ('fault' in ceiling) throw outside(ceiling.fault)
    const until = endOf(expiresAt, authority.at)
    const row = await write(tx, authority, loaded.facts.session as SessionFact, { name, ceiling, until, hash })
    const accessToken = toAccessToken(row)
    return {
      status: 201,
      headers: { location: `/v1/access-tokens/${row.id}` },
      body: { accessToken, secret },
      storedBody: { accessToken, secret: null, note: shownOnce },
      made: { action: 'self.manage', staffAction: null, account: null, ticket: null },
    }
  })
}

const shownOnce = 'The secret was shown once, in the first answer. If it is lost, delete this token and make another'

type New = { name: string; ceiling: Ceiling; until: Date; hash: Buffer }

/** `verifiedAt` of what is done with it stays the time at which the person himself was last proven. */
async function write(tx: Database, authority: Authority, session: SessionFact, { name, ceiling, until, hash }: New) {
  const userId = actorOf(authority)
  const at = new Date(authority.at)
  const sessionId = newId()
  const instants = { createdAt: at, authenticatedAt: new Date(session.authenticatedAt), expiresAt: until }
  await tx.insert(sessions).values({ id: sessionId, userId, kind: 'person', method: 'token', level: 'one_factor', ...instants })
  const token = { id: newId(), userId, sessionId, name, secretHash: hash, ceiling, createdAt: at, expiresAt: until }
  const rows = await tx.insert(accessTokens).values(token).returning()
  await append(
    tx,
    eventOf(authority, 'access_token.created', { resourceType: 'access_token', resourceId: token.id, value: { name, ...ceiling } }),
  )
  return rows[0] as (typeof rows)[number]
}

function endOf(expiresAt: string, now: number): Date {
  const until = Date.parse(expiresAt)
  const pointer = '#/expiresAt'
  if (until <= now) throw invalid({ pointer, detail: 'must be later than now', code: 'too_early' })
  if (until > now + longestMs) throw invalid({ pointer, detail: 'must be within a year from now', code: 'too_late' })
  return new Date(until)
}

function outside(fault: CeilingFault): Problem {
  const detail = fault === 'account' ? 'must be an account that you may act for' : 'must be within what you may act on there'
  return invalid({ pointer: `#/${fault}`, detail, code: 'not_yours' })
}
