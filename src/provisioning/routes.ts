import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { putAccount, readAccount } from './account.ts'
import { contactPlaces, domainPlaces } from './places.ts'
import { provision } from './realm.ts'
import { AccountPath, ProvisionedAccount, PutAccount, shared } from './schema.ts'
import { sync } from './sync.ts'
import { Sync, SyncReport } from './sync-schema.ts'

const tags = ['provisioning']
// Which account it is about is known only by the realm of the caller, so the gate asks.
const access = { action: 'staff.provision', on: 'body' } as const
const path = '/v1/provisioning/accounts/:external'

/** A control panel brings along its accounts, domains and contacts by what it calls them. Only a client with a token of its own may. */
export async function provisioningRoutes(app: App, { context }: Feature): Promise<void> {
  for (const schema of [...shared, SyncReport]) app.addSchema(schema)
  domainPlaces(app, context)
  contactPlaces(app, context)

  app.put(
    path,
    {
      config: { access },
      schema: {
        tags,
        summary: 'Make an account of your realm, or give it another name; repeating it is harmless',
        params: AccountPath,
        body: PutAccount,
        response: { 200: Type.Ref(ProvisionedAccount), 201: Type.Ref(ProvisionedAccount), ...problems('not_authorised', 'conflict') },
      },
    },
    async (request, reply) => {
      const { external } = request.params
      const { result, ...account } = await provision(context, standingOf(request), external, async (step, known) => {
        const { id, result } = await putAccount(step, known, external, request.body)
        return { ...(await readAccount(step, external, id, result)), result }
      })
      return reply.code(result === 'created' ? 201 : 200).send(account)
    },
  )

  app.post(
    '/v1/provisioning/sync',
    {
      config: { access },
      bodyLimit: 2 ** 20,
      schema: {
        tags,
        summary: 'Bring along many accounts at once, with a report of every row; repeating it is harmless',
        body: Sync,
        response: { 200: Type.Ref(SyncReport), ...problems('not_authorised') },
      },
    },
    (request) => sync(context, standingOf(request), request.body),
  )
}
