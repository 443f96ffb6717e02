import { Type } from '@sinclair/typebox'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import { notFound } from '../authority/judge.ts'
import { giveUpDomain } from '../authority/releases.ts'
import { problems } from '../http/contract.ts'
import { type App, standingOf } from '../http/feature.ts'
import type { Standing } from '../http/types.ts'
import { end, findContact, putContact } from './contacts.ts'
import { findDomain, putDomain } from './domains.ts'
import { provision, row, type Work } from './realm.ts'
import { ContactPath, DomainPath, ProvisionedContact, ProvisionedDomain, PutContact, PutDomain } from './schema.ts'

const tags = ['provisioning']
const access = { action: 'staff.provision', on: 'body' } as const
const path = '/v1/provisioning/accounts/:external'
const gone = { 204: Type.Null({ description: 'It is over' }), ...problems('not_authorised', 'not_found', 'conflict') }

/** The domains of an account of the realm. */
export function domainPlaces(app: App, context: Context): void {
  app.put(
    `${path}/domains/:externalDomain`,
    {
      config: { access },
      schema: {
        tags,
        summary: 'Put a domain into an account of your realm; under another name the first is released',
        params: DomainPath,
        body: PutDomain,
        response: {
          200: Type.Ref(ProvisionedDomain),
          201: Type.Ref(ProvisionedDomain),
          ...problems('not_authorised', 'not_found', 'conflict'),
        },
      },
    },
    async (request, reply) => {
      const { external, externalDomain } = request.params
      const { result, ...domain } = await below(context, standingOf(request), external, (step, { id }) =>
        putDomain(step, id, externalDomain, request.body),
      )
      return reply.code(result === 'created' ? 201 : 200).send(domain)
    },
  )

  app.delete(
    `${path}/domains/:externalDomain`,
    {
      config: { access },
      schema: {
        tags,
        summary: 'Release a domain: it ends, with all that hung on it; repeating it is harmless',
        params: DomainPath,
        response: gone,
      },
    },
    async (request, reply) => {
      const { external, externalDomain } = request.params
      await below(context, standingOf(request), external, async (step, { id }) => {
        const domain = await findDomain(step, id, externalDomain)
        if (domain === undefined) throw notFound()
        const released = await giveUpDomain(step.jobs, step.tx, step.authority, id, domain.id)
        return { result: released ? 'changed' : 'unchanged' }
      })
      return reply.code(204).send(null)
    },
  )
}

/** The contacts of an account of the realm. */
export function contactPlaces(app: App, context: Context): void {
  app.put(
    `${path}/contacts/:externalContact`,
    {
      config: { access },
      schema: {
        tags,
        summary: 'Make a user of yours a contact, in force at once, or change its role or limit',
        params: ContactPath,
        body: PutContact,
        response: {
          200: Type.Ref(ProvisionedContact),
          201: Type.Ref(ProvisionedContact),
          ...problems('not_authorised', 'not_found', 'conflict'),
        },
      },
    },
    async (request, reply) => {
      const { external, externalContact } = request.params
      const { result, ...contact } = await below(context, standingOf(request), external, (step, { id }) =>
        row(step, (within) => putContact(within, id, externalContact, request.body)),
      )
      return reply.code(result === 'created' ? 201 : 200).send(contact)
    },
  )

  app.delete(
    `${path}/contacts/:externalContact`,
    {
      config: { access },
      schema: { tags, summary: 'End a contact, with all that stood on it; repeating it is harmless', params: ContactPath, response: gone },
    },
    async (request, reply) => {
      const { external, externalContact } = request.params
      await below(context, standingOf(request), external, async (step, { id }) => {
        const contact = await findContact(step, id, externalContact)
        if (contact === undefined) throw notFound()
        if (contact.status !== 'ended') await end(step, id, contact)
        return { result: contact.status === 'ended' ? 'unchanged' : 'changed' }
      })
      return reply.code(204).send(null)
    },
  )
}

/** Something below an account that must be there. @throws Problem `not_found`, the same for what is unknown and what is another realm's */
function below<T>(
  context: Context,
  standing: Standing,
  external: string,
  work: (step: Work, account: AccountFact) => Promise<T>,
): Promise<T> {
  return provision(context, standing, external, async (step, account) => {
    if (account === null) throw notFound()
    return work(step, account)
  })
}
