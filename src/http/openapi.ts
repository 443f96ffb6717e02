import swagger, { type SwaggerTransformObject } from '@fastify/swagger'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import type { ProblemCode } from '../problem.ts'
import { declaredSchema, documentedCodes, ownResponses, problems } from './contract.ts'

const info = {
  title: 'Mandate',
  description: 'A helpdesk API that listens only to people with authority. Every refusal is a problem (RFC 9457).',
}

/** What the server itself answers on any path: it refuses what it cannot read and parameters a route does not know. */
const everywhere: ProblemCode[] = [
  'malformed_request',
  'not_acceptable',
  'uri_too_long',
  'validation_error',
  'quota_exceeded',
  'internal',
  'unavailable',
  'timeout',
]

type Document = Record<string, unknown>

/**
 * Makes the OpenAPI 3.1 document from the routes registered after it and serves it at `/openapi.json`. Shared schemas are named by
 * their `$id`; a route is secured unless its `access` is open, and the problems every route can answer are added to its own.
 */
export function registerOpenapi(app: FastifyInstance, { version }: { version: string }): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { ...info, version },
      servers: [{ url: '/' }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ bearer: [] }],
    },
    refResolver: { buildLocalReference: (json) => String(json.$id) },
    transform: ({ schema, url, route }) => ({ schema: described(schema, route), url }),
    transformObject: ordered,
  })
  let text: string | undefined
  app.register(async (scope) => {
    scope.get('/openapi.json', { schema: { hide: true }, config: { access: { open: true } } }, (_request, reply) => {
      text ??= JSON.stringify(describe(app))
      return reply.type('application/json').send(text)
    })
  })
}

/** The OpenAPI document, the same for the same routes. The app must be ready. */
export function describe(app: FastifyInstance): Document {
  return app.swagger() as unknown as Document
}

function described(compiled: FastifySchema, route: RouteOptions): FastifySchema {
  const schema = declaredSchema(compiled)
  const querystring = schema.querystring as { properties?: object } | undefined
  const open = openness(route)
  const codes = [
    ...documentedCodes(schema),
    ...everywhere,
    ...when(open !== true, 'unauthenticated'),
    ...when(querystring?.properties !== undefined && 'cursor' in querystring.properties, 'unsupported_cursor'),
    ...when(route.method !== 'GET', 'content_too_large', 'unsupported_media_type'),
  ]
  const security = open === true ? [] : [{}, { bearer: [] }]
  return {
    ...schema,
    ...(open !== undefined && { security }),
    ...(route.method === 'PATCH' && { consumes: ['application/merge-patch+json'] }),
    response: { ...problems(...codes), ...ownResponses(schema) },
  }
}

/** True where nobody needs to be known, 'optional' where he may be, undefined on a secured route. */
function openness({ config }: RouteOptions): true | 'optional' | undefined {
  const access = config?.access
  return access !== undefined && 'open' in access ? access.open : undefined
}

const when = (condition: boolean, ...codes: ProblemCode[]): ProblemCode[] => (condition ? codes : [])

/** Paths and schemas by name, so that the order of registration does not show. */
const ordered: SwaggerTransformObject = (documentObject) => {
  const { openapiObject: document } = documentObject as { openapiObject: { paths?: object; components?: { schemas?: object } } }
  const components = { ...document.components, schemas: byName(document.components?.schemas) }
  return { ...document, paths: byName(document.paths), components } as ReturnType<SwaggerTransformObject>
}

const byName = (entries: object = {}): object => Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)))
