import { Type } from '@sinclair/typebox'
import type { Facts } from '../authority/facts.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { authorityOf, clausesOf, rowsOf } from './authority.ts'
import { Me, MyAuthority, shared } from './schema.ts'
import { domainsWithin, readPerson } from './store.ts'

const tags = ['me']

export async function meRoutes(app: App, { context }: Feature): Promise<void> {
  for (const schema of shared) app.addSchema(schema)

  app.get(
    '/v1/me',
    {
      config: { access: { action: 'self.read', on: 'nothing' } },
      schema: { tags, summary: 'Who you are', response: { 200: Type.Ref(Me) } },
    },
    async (request) => {
      const { user, staff } = standingOf(request).loaded.facts
      const { id, name, verified } = user as NonNullable<Facts['user']>
      const { addresses, createdAt } = await readPerson(context.db, id)
      return { id, name, verified, addresses, staffRole: staff?.role ?? null, createdAt }
    },
  )

  app.get(
    '/v1/me/authority',
    {
      config: { access: { action: 'self.read', on: 'everywhere' } },
      schema: {
        tags,
        summary: 'Everything you may do: each account, domain and action, and the contact or grant that justifies it',
        response: { 200: Type.Ref(MyAuthority) },
      },
    },
    async (request) => {
      const { facts } = standingOf(request).loaded
      const rows = rowsOf(facts, facts.now)
      return authorityOf(facts, rows, await domainsWithin(context.db, clausesOf(rows, facts.now)), facts.now)
    },
  )
}
