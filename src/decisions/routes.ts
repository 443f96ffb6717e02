import type { FastifyRequest } from 'fastify'
import type { Context } from '../authority/context.ts'
import { principalOf } from '../authority/load.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import type { Paging, Position } from '../http/paging.ts'
import { conformancePoint } from './conformance.ts'
import { evaluate } from './evaluate.ts'
import type { DecisionPoint, Found } from './point.ts'
import { decisionPoint } from './protocol.ts'
import type { Search } from './read.ts'
import { type Page, searchActions, searchResources, searchSubjects } from './search.ts'

const example = {
  subject: { type: 'user', id: '0192f3c1-6f0e-7c52-9f0a-0c6f2b0f1a11' },
  action: { name: 'ticket.create' },
  resource: { type: 'domain', id: 'example.com' },
  context: { account: 'C-10001', topic: 'website' },
}

/** The decision point: the same rule the routes ask, for those who draw buttons. What may be asked is decided question by question. */
export async function decisionRoutes(app: App, { context, paging }: Feature): Promise<void> {
  const origin = context.config.publicUrl
  const access = { action: 'self.read', on: 'body' } as const
  const own = { point: ownPoint(context, paging), path: '', origin, access, tag: 'decisions', example }
  await app.register((scope: App) => decisionPoint(scope, own))
  if (!context.config.conformancePdp) return
  const published = { point: conformancePoint, path: '/pdp/conformance', origin, access: { open: true } as const, tag: null, example }
  await app.register((scope: App) => decisionPoint(scope, published))
}

function ownPoint(context: Context, paging: Paging): DecisionPoint {
  const callerOf = (request: FastifyRequest) => standingOf(request).caller
  const paged = async <T>(
    request: FastifyRequest,
    search: Search,
    found: (after: Position | undefined) => Promise<Page<T>>,
  ): Promise<Found<T>> => {
    const binding = JSON.stringify([principalOf(callerOf(request)), search.binding])
    const { results, after } = await found(search.token === undefined ? undefined : paging.decode(search.token, binding))
    return { results, next: after === undefined ? '' : paging.encode(after, binding) }
  }
  return {
    evaluate: (request, evaluations) => evaluate(context, callerOf(request), evaluations),
    subjects: (request, search) => paged(request, search, (after) => searchSubjects(context, callerOf(request), search, after)),
    resources: (request, search) => paged(request, search, (after) => searchResources(context, callerOf(request), search, after)),
    actions: (request, search) => paged(request, search, () => searchActions(context, callerOf(request), search)),
  }
}
