import { Readable } from 'node:stream'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { actionFor } from '../authority/asked.ts'
import type { AccountFact } from '../authority/facts.ts'
import { load } from '../authority/load.ts'
import { reach } from '../authority/reach.ts'
import { accountRef } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { exportLines, type Source } from './export.ts'
import { periodOf } from './period.ts'
import { EventFilters, ProviderEventFilters } from './schema.ts'
import { type EventFilter, listEventsInTime } from './store.ts'

/** For a batch that is being read when the service ends, and the line after it. */
const lastBatchMs = 2_000

const mediaType = 'application/x-ndjson'
const answer = {
  description: 'One JSON object a line: `{"event": …}` oldest first, `{"progress": …}`, and at last `{"end": {"complete": true, …}}`',
  content: { [mediaType]: { schema: Type.String() } },
}
const schemaOf = (summary: string) => ({ tags: ['audit'], summary, produces: [mediaType] })

export async function auditExportRoutes(app: App, feature: Feature): Promise<void> {
  let stopping = false
  const open = new Set<Readable>()
  // One that waits for its reader would keep the process; the others come to their next batch, and end there, if it is taken.
  app.addHook('preClose', async () => {
    stopping = true
    for (const stream of open) if (stream.readableLength > 0) stream.destroy()
    setTimeout(() => {
      for (const stream of open) stream.destroy()
    }, lastBatchMs).unref()
  })

  function stream(request: FastifyRequest, reply: FastifyReply, filter: EventFilter): void {
    const failed = (error: unknown) => request.log.warn({ reason: (error as Error).message }, 'an export was cut short')
    const source = sourceOf(feature, request, filter)
    const lines = Readable.from(exportLines({ ...source, failed, isStopping: () => stopping }), { highWaterMark: 1 })
    open.add(lines.once('close', () => open.delete(lines)))
    reply.type(`${mediaType}; charset=utf-8`).send(lines)
  }

  app.get(
    '/v1/accounts/:account/audit-events/export',
    {
      config: { access: { action: 'audit.read', staffAction: 'staff.audit.read', on: 'account', list: true } },
      schema: {
        ...schemaOf('Export what happened on an account as lines of JSON, oldest first; authority is asked again for every batch'),
        params: Type.Object({ account: Type.String({ description: 'The account, by id or number' }) }),
        querystring: Type.Object(EventFilters, { additionalProperties: false }),
        response: { 200: answer, ...problems('not_authorised', 'not_found') },
      },
    },
    (request, reply) => {
      const { id } = standingOf(request).loaded.account as AccountFact
      stream(request, reply, { ...request.query, ...periodOf(request.query), account: { id } })
    },
  )

  app.get(
    '/v1/audit-events/export',
    {
      config: { access: { action: 'staff.audit.read', staffAction: 'staff.audit.read', on: 'nothing' } },
      schema: {
        ...schemaOf("Export what happened on all accounts and in the provider's own house as lines of JSON, oldest first"),
        querystring: Type.Object(ProviderEventFilters, { additionalProperties: false }),
        response: { 200: answer, ...problems('not_authorised') },
      },
    },
    (request, reply) => {
      const { account, ...query } = request.query
      const of = account === undefined ? undefined : accountRef(account)
      stream(request, reply, { ...query, ...periodOf(query), account: of })
    },
  )
}

/** What the caller may read at the moment each batch is read: facts, reach and rows anew. It ends at the instant it was asked for. */
function sourceOf({ context: { db, clock } }: Feature, request: FastifyRequest, filter: EventFilter): Pick<Source, 'read'> {
  const { caller, ask, loaded: first } = standingOf(request)
  const until = new Date(first.facts.now + 1)
  const bounded = { ...filter, to: filter.to === undefined || filter.to > until ? until : filter.to }
  return {
    async read(after, limit) {
      const loaded = await load(db, clock.offset(), caller, ask.named)
      const id = loaded.account?.id
      const clauses = reach(loaded.facts, actionFor(ask, loaded), loaded.facts.now).filter(
        ({ account }) => account === 'all' || account === id,
      )
      if (clauses.length === 0) return null
      return listEventsInTime(db, { clauses, filter: bounded, after, limit, forStaff: loaded.facts.staff !== null })
    },
  }
}
