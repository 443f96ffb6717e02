import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, RawServerDefault } from 'fastify'
import type { Context } from '../authority/context.ts'
import type { Keys } from './keys.ts'
import { limitOf, type Page, type Paging, type Position } from './paging.ts'
import type { Standing } from './types.ts'

/** What every feature's routes are given: no decorators, no service container. */
export type Feature = { context: Context; paging: Paging; keys: Keys }

export type App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** The standing of a secured route's request. */
export function standingOf(request: { standing: Standing | null }): Standing {
  if (request.standing === null) throw new Error('the route is not secured')
  return request.standing
}

export const isStaff = ({ loaded }: Standing): boolean => loaded.facts.staff !== null

type List<T> = {
  request: FastifyRequest
  reply: FastifyReply
  query: { limit?: number; cursor?: string }
  position: (row: T) => Position
  /** Reads `limit` rows after the position. */
  read: (after: Position | undefined, limit: number) => Promise<T[]>
}

/** Answers one page of a list. The cursor is bound to the path, the filters and the caller; authority is asked anew on every page. */
export async function listing<T>({ paging }: Feature, { request, reply, query, position, read }: List<T>): Promise<Page<T>> {
  const { cursor, limit: _limit, ...filters } = query
  const binding = JSON.stringify([request.routeOptions.url, request.params, filters, standingOf(request).caller.userId])
  const after = cursor === undefined ? undefined : paging.decode(cursor, binding)
  const limit = limitOf(query)
  const rows = await read(after, limit + 1)
  return paging.page({ request, reply, rows, limit, position, binding })
}
