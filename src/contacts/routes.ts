import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import type { ContactRow } from '../authority/load.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { etagOf, notModified } from '../http/preconditions.ts'
import { confirmContact } from './confirm.ts'
import { invite } from './invite.ts'
import { removeContact } from './remove.ts'
import { Contact, ContactFilters, Falls, How, InviteContact, UpdateContact } from './schema.ts'
import { contactStepRoutes } from './step-routes.ts'
import { listContacts, readContact } from './store.ts'
import { updateContact } from './update.ts'

const tags = ['contacts']
const AccountPath = Type.Object({ account: Type.String({ description: 'The account, by id or number' }) })
const ContactPath = Type.Object({ ...AccountPath.properties, contact: Type.String({ description: 'The contact, by id' }) })
const keyProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const
const path = '/v1/accounts/:account/contacts'

const read = { action: 'contact.read', staffAction: 'staff.directory.read' } as const
const manage = { action: 'contact.manage', staffAction: 'staff.provision' } as const

export async function contactRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(Contact)
  app.addSchema(Falls)
  await contactStepRoutes(app, feature)

  app.post(
    path,
    {
      config: { access: { ...manage, on: 'account', stepUp: true } },
      schema: {
        tags,
        summary: 'Invite a contact; it counts nowhere until the invitation is accepted',
        params: AccountPath,
        body: InviteContact,
        response: { 201: Type.Ref(Contact), ...problems('not_authorised', 'not_found', 'step_up_required', ...keyProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => invite(context, standingOf(request), request.body)),
  )

  app.get(
    path,
    {
      config: { access: { ...read, on: 'account' } },
      schema: {
        tags,
        summary: 'List the contacts of an account, newest first',
        params: AccountPath,
        querystring: pageQuery(ContactFilters),
        response: { 200: pageOf(Type.Ref(Contact)), ...problems('not_authorised', 'not_found') },
      },
    },
    (request, reply) => {
      const account = standingOf(request).loaded.account as AccountFact
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listContacts(context.db, account, request.query, after, limit),
      })
    },
  )

  app.get(
    `${path}/:contact`,
    {
      config: { access: { ...read, on: 'contact' } },
      schema: { tags, summary: 'Read a contact', params: ContactPath, response: { 200: Type.Ref(Contact), ...problems('not_found') } },
    },
    async (request, reply) => {
      const { account, contact } = standingOf(request).loaded
      const found = await readContact(context.db, account as AccountFact, (contact as ContactRow).id)
      return notModified(request, reply, found.version) ? reply : found
    },
  )

  app.patch(
    `${path}/:contact`,
    {
      config: { access: { ...manage, on: 'contact', stepUp: true, ifMatch: true } },
      schema: {
        tags,
        summary: 'Change the role or the limit of a contact, or see which grants would fall with it',
        params: ContactPath,
        querystring: How,
        body: UpdateContact,
        response: {
          200: Type.Union([Type.Ref(Contact), Type.Ref(Falls)]),
          ...problems('not_authorised', 'not_found', 'step_up_required', 'precondition_required', 'precondition_failed', 'conflict'),
        },
      },
    },
    async (request, reply) => {
      const outcome = await updateContact(context, standingOf(request), request.body, request.query)
      if ('version' in outcome) reply.header('etag', etagOf(outcome.version))
      return outcome
    },
  )

  app.post(
    `${path}/:contact/confirm`,
    {
      config: { access: { action: 'contact.manage', on: 'contact', stepUp: true } },
      schema: {
        tags,
        summary: "An owner's yes to a contact that staff added; repeating it is harmless",
        params: ContactPath,
        response: { 200: Type.Ref(Contact), ...problems('not_authorised', 'not_found', 'step_up_required', 'conflict', ...keyProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => confirmContact(context, standingOf(request))),
  )

  app.delete(
    `${path}/:contact`,
    {
      config: { access: { ...manage, on: 'contact' } },
      schema: {
        tags,
        summary: 'Remove a contact, or withdraw its invitation, with all that stood on it; repeating it is harmless',
        params: ContactPath,
        querystring: How,
        response: {
          200: Type.Ref(Falls),
          204: Type.Null({ description: 'It has ended' }),
          ...problems('not_authorised', 'not_found', 'step_up_required', 'conflict'),
        },
      },
    },
    async (request, reply) => {
      const falls = await removeContact(context, standingOf(request), request.query)
      return falls === undefined ? reply.code(204).send(null) : falls
    },
  )
}
