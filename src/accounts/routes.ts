import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { etagOf, notModified } from '../http/preconditions.ts'
import { createAccount } from './create.ts'
import { closeAccount, reopenAccount, restrictAccount } from './life.ts'
import { Account, AccountFilters, Because, CreateAccount, UpdateAccount } from './schema.ts'
import { listAccounts, readAccount } from './store.ts'
import { updateAccount } from './update.ts'

const tags = ['accounts']
const AccountPath = Type.Object({ account: Type.String({ description: 'The account, by id or number' }) })

const provision = { action: 'staff.provision', staffAction: 'staff.provision', on: 'account' } as const

/** What only takes away needs no version, and is the same when it is repeated. */
const steps = [
  [
    'restrict',
    restrictAccount,
    { ...provision },
    'Restrict an account: no grant is live, contacts keep everything; repeating it is harmless',
  ],
  ['close', closeAccount, { ...provision }, 'Close an account: grants, invitations, claims and domains end, tickets are resolved'],
  ['reopen', reopenAccount, { ...provision, ifMatch: true }, 'Open an account again; what closing ended stays ended'],
] as const

export async function accountRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(Account)

  for (const [verb, act, access, summary] of steps) {
    const versioned = verb === 'reopen' ? (['precondition_required', 'precondition_failed'] as const) : []
    app.post(
      `/v1/accounts/:account/${verb}`,
      {
        config: { access },
        schema: {
          tags,
          summary,
          params: AccountPath,
          body: Because,
          response: {
            200: Type.Ref(Account),
            ...problems(
              'not_authorised',
              'not_found',
              'invalid_transition',
              ...versioned,
              'idempotency_key_reused',
              'idempotency_in_progress',
            ),
          },
        },
      },
      (request, reply) => answering(context, request, reply, () => act(context, standingOf(request), request.body)),
    )
  }

  app.post(
    '/v1/accounts',
    {
      config: { access: { action: 'staff.provision', staffAction: 'staff.provision', on: 'nothing' } },
      schema: {
        tags,
        summary: 'Make an account for a customer, with its domains and the invitation of its first owner',
        body: CreateAccount,
        response: {
          201: Type.Ref(Account),
          ...problems('not_authorised', 'conflict', 'idempotency_key_reused', 'idempotency_in_progress'),
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => createAccount(context, standingOf(request), request.body)),
  )

  app.get(
    '/v1/accounts',
    {
      config: { access: { action: 'account.read', staffAction: 'staff.directory.read', on: 'everywhere' } },
      schema: {
        tags,
        summary: 'List the accounts within your authority, newest first',
        querystring: pageQuery(AccountFilters),
        response: { 200: pageOf(Type.Ref(Account)) },
      },
    },
    (request, reply) =>
      listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listAccounts(context.db, standingOf(request).clauses, request.query, after, limit),
      }),
  )

  app.get(
    '/v1/accounts/:account',
    {
      config: { access: { action: 'account.read', staffAction: 'staff.directory.read', on: 'account' } },
      schema: {
        tags,
        summary: 'Read an account',
        params: AccountPath,
        response: { 200: Type.Ref(Account), ...problems('not_authorised', 'not_found') },
      },
    },
    async (request, reply) => {
      const account = await readAccount(context.db, (standingOf(request).loaded.account as AccountFact).id)
      return notModified(request, reply, account.version) ? reply : account
    },
  )

  app.patch(
    '/v1/accounts/:account',
    {
      config: { access: { action: 'account.update', staffAction: 'staff.provision', on: 'account', ifMatch: true } },
      schema: {
        tags,
        summary: 'Change the name of an account',
        params: AccountPath,
        body: UpdateAccount,
        response: { 200: Type.Ref(Account), ...problems('not_authorised', 'not_found', 'precondition_required', 'precondition_failed') },
      },
    },
    async (request, reply) => {
      const account = await updateAccount(context, standingOf(request), request.body)
      reply.header('etag', etagOf(account.version))
      return account
    },
  )
}
