/** The ticket stage with a few people more, and short words for submitting and deciding. */
import { and, asc, eq, inArray } from 'drizzle-orm'
import type { Test } from 'tap'
import { grants, journalEvents, sessions, submissions, throttles } from '../../src/database/tables.ts'
import type { Request, Sent } from '../fixtures/app.ts'
import { contact, type Person, person, tokenFor } from '../fixtures/cast.ts'
import { setStage as setTicketStage } from '../tickets/stage.ts'

export const dayMs = 86_400_000
export const plain = { topic: 'other', subject: 'It broke', message: 'Since noon.' }

/** As on the ticket stage, with `keeperOfDeep`, a manager limited to deep.alpha.example, and `unproven`, who has proven no address. */
export async function setStage(t: Test, settings: Record<string, string> = {}) {
  const stage = await setTicketStage(t, settings)
  const { test, a, domains } = stage
  const { db } = test.context
  const more = {
    keeperOfDeep: await person(test, 'Ken Keeper'),
    unproven: await person(test, 'Uma Unproven', { proven: false }),
  }
  await contact(test, a, more.keeperOfDeep, 'manager', [domains.deep])
  const people: Record<string, Person> = Object.assign(stage.people, more)
  const base = `/v1/accounts/${a.number}/submissions`
  const ask = (who: string, method: string, url: string, request: Request = {}): Promise<Sent> => stage.ask(who, method, url, request)

  return {
    ...stage,
    more,
    base,
    /** Submits something about alpha.example of the account, unless `change` says otherwise. Attempts are not counted here. */
    submit: async (who: string, change: object = {}, request: Request = {}): Promise<Sent> => {
      await db.delete(throttles)
      return ask(who, 'POST', '/v1/submissions', {
        key: true,
        body: { account: a.number, domain: 'alpha.example', ...plain, ...change },
        ...request,
      })
    },
    own: (who: string, id: string) => ask(who, 'GET', `/v1/submissions/${id}`),
    seen: (who: string, id: string) => ask(who, 'GET', `${base}/${id}`),
    approve: (who: string, id: string, body: object = { consent: 'this_ticket' }, request: Request = { ifMatch: 1 }) =>
      ask(who, 'POST', `${base}/${id}/approve`, { body, ...request }),
    decline: (who: string, id: string) => ask(who, 'POST', `${base}/${id}/decline`),
    mute: (who: string, id: string) => ask(who, 'POST', `${base}/${id}/mute`),
    held: async (id: string) => (await db.select().from(submissions).where(eq(submissions.id, id)))[0] as typeof submissions.$inferSelect,
    grantOf: async (id: string) => (await db.select().from(grants).where(eq(grants.id, id)))[0] as typeof grants.$inferSelect,
    /** The kinds of event about some things, oldest first. */
    told: async (...ids: string[]) => {
      const about = and(inArray(journalEvents.resourceId, ids))
      return (await db.select().from(journalEvents).where(about).orderBy(asc(journalEvents.id))).filter(
        ({ kind }) => kind !== 'access.refused',
      )
    },
    /** Later everyone signs in anew. */
    wait: async (milliseconds: number): Promise<void> => {
      test.clock.advance(milliseconds)
      const now = test.clock.now()
      await db.update(sessions).set({ authenticatedAt: new Date(now), expiresAt: new Date(now + dayMs) })
      for (const who of Object.values(people)) who.token = await tokenFor(test, who.id, who.session)
    },
  }
}

export type Stage = Awaited<ReturnType<typeof setStage>>

/** What two answers must have in common: all but what is new each time, and what was stated (with its length). */
export function bytesOf({ status, headers, text }: Sent): object {
  const { date: _date, 'x-request-id': _id, ratelimit: _limit, 'content-length': _length, location, ...rest } = headers
  const same = text
    .replaceAll(/"(id|instance|arrivedAt|endsAt|account|domain)":"[^"]*"/g, '"$1":"…"')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '…')
  return { status, headers: { ...rest, location: String(location).replace(/[0-9a-f-]{36}/, '…') }, text: same }
}
