import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, RawServerDefault } from 'fastify'
import type { Context } from '../authority/context.ts'
import { principalOf } from '../authority/load.ts'
import { invalid } from '../problem.ts'
import type { TxtResolver } from '../txt.ts'
import type { KeySets } from './key-sets.ts'
import type { Keys } from './keys.ts'
import { limitOf, type Page, type Paging, type Position } from './paging.ts'
import type { Standing } from './types.ts'

/** What every feature's routes are given: no decorators, no service container. */
export type Feature = {
  context: Context
  paging: Paging
  keys: Keys
  /** Seals the keys of second factors at rest. */
  factorKey: Buffer
  /** Hashes support codes at rest. */
  codeKey: Buffer
  /** Reads the keys that clients publish by themselves. */
  keySets: KeySets
  /** Looks up what proves a claimed name. */
  txt: TxtResolver
}

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
  const sorted = Object.entries(filters).sort() // the same filters in another order are the same list
  const binding = JSON.stringify([request.routeOptions.url, request.params, sorted, principalOf(standingOf(request).caller)])
  const after = cursor === undefined ? undefined : paging.decode(cursor, binding)
  const limit = limitOf(query)
  // Read from text it may be infinite, and what compares numbers lets that pass.
  if (limit === Number.POSITIVE_INFINITY) throw invalid({ parameter: 'limit', in: 'query', detail: 'must be a number', code: 'type' })
  const rows = await read(after, limit + 1)
  return paging.page({ request, reply, rows, limit, position, binding })
}
