/** Less of a grant that is in force, at once. It takes away, but it also says what stays: so it wants the version that was seen. */
import { and, eq } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import type { Ask } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import { grants } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { type Act, actOnGrant, startAct } from './act.ts'
import { end } from './end.ts'
import { demandInForce } from './life.ts'
import type { NarrowGrant } from './schema.ts'
import { record, tellSides } from './tell.ts'
import { namedBy, narrowed, type Ref, refsOf, resolve, writeTerms } from './terms.ts'

/** @throws Problem `validation_error` for what is not less, `invalid_transition` for what is not in force */
export function narrowGrant(context: Context, standing: Standing, body: NarrowGrant): Promise<Answer> {
  const stated = body.domains === undefined ? null : refsOf(body.domains)
  return actOnGrant(
    context,
    standing,
    async (act) => {
      demandInForce('account', act.status)
      const ids = stated === null ? null : resolve(act.loaded, stated).map((domain) => String(domain?.id))
      const { terms, changed } = narrowed(act.grant, body, ids, act.authority.at)
      if (changed.length === 0) return false
      await writeTerms(act.tx, act.grant, terms)
      await record(act, 'grant.narrowed', changed)
      await tellSides(act, 'grant_narrowed')
      await withdrawOffers(act)
      return true
    },
    stated === null ? standing.ask : aboutToo(standing.ask, stated),
  )
}

/** What was offered in its place was offered before this: accepted now, it would give back at once what was taken. */
async function withdrawOffers({ context, tx, authority, loaded, grant: { accountId, id } }: Act): Promise<void> {
  const open = and(eq(grants.accountId, accountId), eq(grants.supersedes, id), eq(grants.status, 'invited'))
  const offers = await tx.select({ id: grants.id }).from(grants).where(open).orderBy(grants.id)
  for (const offer of offers) {
    const act = await startAct(context, tx, authority, loaded, { accountId, id: offer.id }, null)
    if (act.status === 'invited') await end(act, 'cancelled', { cause: 'narrowed' })
  }
}

/** The route's own question, about the stated domains as well as those of the grant that the path names, if it names one. */
export function aboutToo(ask: Ask, stated: readonly Ref[]): Ask {
  return {
    ...ask,
    named: { ...ask.named, ...namedBy(stated) },
    about: (loaded, action) => {
      const asked = ask.about(loaded, action)
      return asked && { ...asked, domains: [...asked.domains, ...resolve(loaded, stated)] }
    },
  }
}
