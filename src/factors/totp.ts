/** Adding an authenticator app: its key is made and shown once; it counts when its first code was right. */
import { and, eq, isNull } from 'drizzle-orm'
import { notFound } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import { open, seal } from '../database/secrets.ts'
import { secondFactors, sessions } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import type { Feature } from '../http/feature.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { relyingParty } from '../identity/passkeys.ts'
import { countingCodes, WrongCode } from '../identity/second-factor.ts'
import { base32Of, newTotpKey, stepOfCode, totpUri } from '../identity/totp.ts'
import { append } from '../journal/append.ts'
import { invalid, Problem } from '../problem.ts'
import { type Act, added, alterFactors, demandRoom, demandShown, factorEvent } from './alter.ts'
import type { NewTotp, PreparedTotp } from './schema.ts'
import { type FactorRow, findFactor, labelOf, present, toFactor } from './store.ts'

/** Makes the key of a new app, in place of one that was prepared before and never confirmed. */
export function prepareTotp({ context, factorKey }: Feature, standing: Standing, { name }: NewTotp): Promise<Answer> {
  return alterFactors(context, standing, async (act) => {
    const { tx, authority, userId } = act
    const at = new Date(authority.at)
    await demandShown(act)
    const forgotten = { removedAt: at, sealedSecret: null }
    await tx
      .update(secondFactors)
      .set(forgotten)
      .where(and(present(userId), isNull(secondFactors.confirmedAt)))
    await demandRoom(act)
    const id = newId()
    const key = newTotpKey()
    const row = {
      id,
      userId,
      kind: 'totp',
      name: name ?? 'Authenticator app',
      sealedSecret: seal(factorKey, key, id),
      createdAt: at,
    } as const
    const [made] = await tx.insert(secondFactors).values(row).returning()
    await append(tx, factorEvent(act, 'factor.prepared', row))
    const factor = toFactor(made as FactorRow)
    const { label } = await labelOf(tx, userId)
    const body: PreparedTotp = {
      factor,
      secret: base32Of(key),
      uri: totpUri(key, relyingParty(context.config).id, label),
      detail: `Put the key into your app and send its first code to POST /v1/me/second-factors/${id}/confirm`,
    }
    const storedBody: PreparedTotp = { factor, secret: null, uri: null, detail: 'The key was shown once; prepare another app instead' }
    return { status: 201, headers: { location: '/v1/me/second-factors' }, body, storedBody }
  })
}

/**
 * Confirms a prepared app by a code it shows. The session that does so has proven password and code.
 * @throws Problem `not_found`, `conflict` when it is confirmed already, `validation_error` for a wrong code
 */
export function confirmTotp(feature: Feature, standing: Standing, id: string, code: string, network: string): Promise<Answer> {
  const { context, factorKey } = feature
  const typed = { userId: personOf(standing.caller), network, code }
  const confirm = () =>
    alterFactors(context, standing, async (act) => {
      const row = await unconfirmed(act, id)
      const isFirst = !(await demandShown(act))
      const step = stepOfCode(open(factorKey, row.sealedSecret as Buffer, id), code, act.authority.at)
      if (step === undefined) throw new WrongCode([])
      const at = new Date(act.authority.at)
      const counting = { confirmedAt: at, lastUsedAt: at, lastStep: step }
      const [confirmed] = await act.tx.update(secondFactors).set(counting).where(eq(secondFactors.id, id)).returning()
      await raiseSession(act)
      return { status: 200, ...(await added(context, act, confirmed as FactorRow, isFirst)) }
    })
  return countingCodes(context, typed, confirm, wrongCode)
}

async function unconfirmed({ tx, userId }: Act, id: string): Promise<FactorRow> {
  const row = isUuid(id) ? await findFactor(tx, userId, id) : undefined
  if (row === undefined || row.removedAt !== null) throw notFound()
  if (row.confirmedAt !== null) throw new Problem('conflict', { detail: 'This factor is confirmed already' })
  return row
}

async function raiseSession({ tx, authority }: Act): Promise<void> {
  await tx
    .update(sessions)
    .set({ method: 'password+totp', level: 'two_factors' })
    .where(and(eq(sessions.id, authority.sessionId), eq(sessions.method, 'password')))
}

const wrongCode = (): Problem =>
  invalid({ pointer: '#/code', detail: 'is not the code your app shows now; is the clock of your device right?', code: 'wrong' })
