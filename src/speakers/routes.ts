import { Type } from '@sinclair/typebox'
import { permitted } from '../authority/authorise.ts'
import { type AccountFact, type Facts, question } from '../authority/facts.ts'
import type { Ask } from '../authority/judge.ts'
import { beforeAll, loadSubjects } from '../authority/load-subjects.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { Speaker } from './schema.ts'
import { describeSpeakers } from './store.ts'

const userOf = ({ user }: Facts) => user as NonNullable<Facts['user']>

/** "Who can speak for me": everybody whom the rule permits anything for an account at this moment, and by which row. */
export async function speakerRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(Speaker)

  app.get(
    '/v1/accounts/:account/speakers',
    {
      config: { access: { action: 'contact.read', staffAction: 'staff.directory.read', on: 'account' } },
      schema: {
        tags: ['contacts'],
        summary: 'List who can speak for an account now, with what, since when, by whom and when last; by user, some pages may be short',
        params: Type.Object({ account: Type.String({ description: 'The account, by id or number' }) }),
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(Speaker)), ...problems('not_authorised', 'not_found') },
      },
    },
    async (request, reply) => {
      const standing = standingOf(request)
      const { db, clock } = context
      const { id } = standing.loaded.account as AccountFact
      // It shows grants as well as contacts, so it takes the right to read both.
      const both: Ask = { ...standing.ask, action: 'grant.read', about: (_loaded, action) => question(action, id) }
      await permitted(context, standing.caller, both, standing.loaded)
      const page = await listing(feature, {
        request,
        reply,
        query: request.query,
        position: (facts: Facts) => ['', userOf(facts).id] as const,
        read: (after, limit) => loadSubjects(db, clock.offset(), { account: id, staff: false, after: after?.[1] ?? beforeAll, limit }),
      })
      return { ...page, items: await describeSpeakers(db, id, page.items) }
    },
  )
}
