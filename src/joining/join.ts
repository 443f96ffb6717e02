/**
 * Two users become one, when the person is signed in as both. The caller survives: his name, password and second factors stay. Addresses,
 * contacts, permissions and the ties to control panels of the other become his; what the other wrote stays under the other's name.
 */
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { type Authority, judge } from '../authority/judge.ts'
import { type Caller, type Loaded, load, personOf } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import type { Feature } from '../http/feature.ts'
import { readAccessToken } from '../http/spoken-token.ts'
import type { Standing } from '../http/types.ts'
import { demandShownFactor } from '../identity/shown.ts'
import { postSecurityNotice } from '../outbox/post.ts'
import { invalid, Problem } from '../problem.ts'
import { copyCompromises, moveHeld } from './held.ts'
import { type Move, moveContacts, moveGrants, moveNames, provenAddressIds } from './move.ts'
import { retire } from './retire.ts'
import type { Joined } from './schema.ts'
import { accountsOf, areGrantorAndGrantee } from './store.ts'

const attemptsMax = 3

/** One of the two has got a further account since the keys were taken. */
class Outgrown extends Error {}

/**
 * @throws Problem `validation_error`, the same for every token that is not of a fresh personal sign-in as somebody else; `conflict` for
 * staff, and where one stands for a permission of the other
 */
export async function joinUsers(feature: Feature, standing: Standing, accessToken: string): Promise<Answer> {
  const to = personOf(standing.caller)
  const other = (await readAccessToken(feature, accessToken, standing.caller.requestId))?.caller
  const from = other?.userId ?? null
  if (other === undefined || from === null || from === to) throw wrongToken()
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const joined = await attemptJoin(feature.context, standing, other, { from, to }).catch((error: unknown) => {
      if (error instanceof Outgrown) return undefined
      throw error
    })
    if (joined !== undefined) return joined
  }
  throw new Problem('unavailable', { detail: 'The accounts of the two are changing; try again', headers: { 'retry-after': '1' } })
}

async function attemptJoin(context: Context, { caller, ask, repeatable }: Standing, other: Caller, move: Move): Promise<Answer> {
  const { from, to } = move
  const accounts = await accountsOf(context.db, [from, to])
  return changeOnce(context, caller, ask, { users: [from, to], accounts }, repeatable, async (tx, authority, loaded) => {
    const theirs = await load(tx, context.clock.offset(), other, {})
    if ('refused' in judge(ask, theirs, other, context.config.stepUpSeconds)) throw wrongToken()
    await demandShownFactor(tx, loaded, to)
    await demandShownFactor(tx, theirs, from)
    await demandStrangers(tx, loaded, theirs, move)
    const held = await accountsOf(tx, [from, to])
    if (!held.every((id) => accounts.includes(id))) throw new Outgrown()
    const body = { user: personIn(loaded), joined: personIn(theirs), ...(await join(context, tx, authority, move)) } satisfies Joined
    return { status: 200, body, made: { action: 'self.read', staffAction: null, account: null, ticket: null } }
  })
}

async function join({ jobs }: Context, tx: Database, authority: Authority, move: Move): Promise<Omit<Joined, 'user' | 'joined'>> {
  await retire(tx, authority, move.from)
  await moveNames(tx, authority, move)
  await moveHeld(tx, move)
  await copyCompromises(tx, move)
  const contacts = await moveContacts(tx, jobs, authority, move)
  const grants = await moveGrants(tx, authority, move)
  for (const id of await provenAddressIds(tx, move.to)) await postSecurityNotice(jobs, tx, 'users_joined', move.to, id)
  return { contacts: contacts.moved, endedContacts: contacts.ended, grants }
}

/** Staff are never customers; and nobody gives permission to himself. */
async function demandStrangers(tx: Database, mine: Loaded, theirs: Loaded, { from, to }: Move): Promise<void> {
  if (mine.facts.staff !== null || theirs.facts.staff !== null) throw new Problem('conflict', { detail: 'Staff are never joined' })
  if (!(await areGrantorAndGrantee(tx, from, to))) return
  throw new Problem('conflict', { detail: 'One of the two stands for a permission of the other: end it first' })
}

function personIn({ facts }: Loaded): Joined['user'] {
  const { id, name } = facts.user as NonNullable<typeof facts.user>
  return { id, name }
}

// The caller is known and stays so; it is the field that is wrong.
function wrongToken(): Problem {
  const detail = 'is no access token of a fresh, personal sign-in as another user'
  return invalid({ pointer: '#/accessToken', detail, code: 'wrong' })
}
