import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { type TProperties, type TSchema, Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'

const limitMax = 100
const limitDefault = 50
const macBytes = 16

/** Where a page ends in an order by time (as text, with its microseconds) or another sort value, then id. */
export type Position = readonly [at: string, id: string]

export type Page<T> = { items: T[]; nextCursor: string | null }

type PageRequest<T> = {
  request: FastifyRequest
  reply: FastifyReply
  /** One row more than `limit` where there is a next page. */
  rows: readonly T[]
  limit: number
  /** The row's place in the order. */
  position: (row: T) => Position
  binding: string
}

export type Paging = {
  encode(position: Position, binding: string): string
  /** @throws Problem `unsupported_cursor` unless `encode` made this cursor for the same binding. */
  decode(cursor: string, binding: string): Position
  /** Cuts the rows to a page and names the next one in the body and in `Link` (RFC 8288). */
  page<T>(page: PageRequest<T>): Page<T>
}

/** Query parameters of a list, beside those of its own. */
export function pageQuery<P extends TProperties>(extra: P) {
  return Type.Object({ ...pageParameters, ...extra }, { additionalProperties: false })
}

const pageParameters = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limitMax, default: limitDefault, description: 'How many items at most.' })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: 'The `nextCursor` of the page before.' })),
}

/** The limit a query asks for; 50 when it does not. */
export function limitOf(query: { limit?: number }): number {
  return query.limit ?? limitDefault
}

/** A page of a list on the wire. */
export function pageOf<T extends TSchema>(item: T) {
  return Type.Object({
    items: Type.Array(item),
    nextCursor: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'The `cursor` of the next page; null on the last.' }),
  })
}

/**
 * Cursors that only this service can make (HMAC-SHA256 under `key`) and that serve only where they were given out: `binding` says for
 * which route, filters and caller, and is part of what is signed.
 */
export function createPaging({ key }: { key: Buffer }): Paging {
  const secret = createSecretKey(key)
  const sign = (payload: string, binding: string): Buffer =>
    createHmac('sha256', secret)
      .update(JSON.stringify(['cursor', binding, payload]))
      .digest()
      .subarray(0, macBytes)

  function encode(position: Position, binding: string): string {
    const payload = JSON.stringify(position)
    return Buffer.concat([sign(payload, binding), Buffer.from(payload)]).toString('base64url')
  }

  function decode(cursor: string, binding: string): Position {
    const bytes = Buffer.from(cursor, 'base64url')
    const payload = bytes.subarray(macBytes).toString()
    const mac = bytes.subarray(0, macBytes)
    if (mac.length === macBytes && timingSafeEqual(mac, sign(payload, binding))) return JSON.parse(payload)
    throw new Problem('unsupported_cursor', { detail: 'Use a cursor only for the list, the filters and the caller it was given to' })
  }

  function page<T>({ request, reply, rows, limit, position, binding }: PageRequest<T>): Page<T> {
    const items = rows.slice(0, limit)
    const last = items.at(-1)
    if (rows.length <= limit || last === undefined) return { items, nextCursor: null }
    const nextCursor = encode(position(last), binding)
    reply.header('link', `<${nextTarget(request.url, nextCursor)}>; rel="next"`)
    return { items, nextCursor }
  }

  return { encode, decode, page }
}

function nextTarget(url: string, cursor: string): string {
  const target = new URL(url, 'http://localhost')
  target.searchParams.set('cursor', cursor)
  return target.pathname + target.search
}
