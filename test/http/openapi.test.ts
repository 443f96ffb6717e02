import { Type } from '@sinclair/typebox'
import t from 'tap'
import { problems } from '../../src/http/contract.ts'
import { registerDocs } from '../../src/http/docs.ts'
import { describe, registerOpenapi } from '../../src/http/openapi.ts'
import { problemRoutes } from '../../src/http/problem-routes.ts'
import { createServer, type Server } from '../../src/http/server.ts'
import { problemCodes, problemKind } from '../../src/problem.ts'
import { noBrowser, openBrowser } from '../fixtures/browser.ts'
import { holdsProblem } from './wire.ts'

const secured = { access: { action: 'account.read', on: 'account' } } as const
const thing = Type.Object({ id: Type.String(), gone: Type.Unsafe<string | null>({ type: ['string', 'null'] }) }, { $id: 'Thing' })

function writing(app: Server): void {
  const body = Type.Object({ name: Type.String() }, { additionalProperties: false })
  app.post(
    '/things',
    { schema: { body, response: { 201: Type.Ref(thing), ...problems('not_authorised', 'conflict') } }, config: secured },
    async () => ({ id: 'x', gone: null }),
  )
  app.patch('/things', { schema: { body }, config: secured }, async () => ({}))
}

function reading(app: Server): void {
  const querystring = Type.Object({ cursor: Type.Optional(Type.String()) }, { additionalProperties: false })
  app.get('/list', { schema: { querystring }, config: secured }, async () => ({}))
  app.get('/either', { config: { access: { open: 'optional' } } }, async () => ({}))
  app.get('/open', { schema: { produces: ['text/plain'] }, config: { access: { open: true } } }, async () => 'x')
}

async function served(order: ((app: Server) => void)[] = [writing, reading]): Promise<Server> {
  const app = createServer({ logger: false, trustProxy: [], corsOrigins: [], hsts: false, now: Date.now })
  app.addSchema(thing)
  registerOpenapi(app, { version: '1.2.3' })
  registerDocs(app)
  app.register(problemRoutes)
  app.register(async (scope) => {
    for (const routes of order) routes(scope as unknown as Server)
  })
  await app.ready()
  t.teardown(() => app.close())
  return app
}

type Operation = {
  security?: unknown
  parameters?: unknown
  requestBody?: { content: object }
  responses: Record<string, { description: string; content: object }>
}
type Document = {
  openapi: string
  info: object
  security: unknown
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown> }
}

t.test('the document is OpenAPI 3.1, served to everybody, the same for the same routes', async (t) => {
  const app = await served()
  const document = describe(app) as unknown as Document
  t.match(document, { openapi: '3.1.0', info: { title: 'Mandate', version: '1.2.3' }, security: [{ bearer: [] }] })
  t.strictSame(Object.keys(document.paths), ['/either', '/list', '/open', '/problems/{slug}', '/things'])
  t.strictSame(Object.keys(document.components.schemas), ['Problem', 'Thing'])
  const first = await app.inject('/openapi.json')
  t.match([first.statusCode, first.headers['content-type']], [200, /^application\/json/])
  t.equal(first.body, (await app.inject('/openapi.json')).body)
  t.equal(first.body, JSON.stringify(describe(await served([reading, writing]))), 'whatever the order of registration')
})

t.test('each operation documents every problem it can answer, its own and the common ones', async (t) => {
  const { paths } = describe(await served()) as unknown as Document
  const statuses = (path: string, method: string) => Object.keys(paths[path]?.[method]?.responses ?? {}).join(' ')
  t.equal(statuses('/things', 'post'), '201 400 401 403 406 409 413 414 415 422 429 500 503')
  t.equal(statuses('/list', 'get'), '400 401 406 414 422 429 500 503')
  t.equal(statuses('/open', 'get'), '400 406 414 422 429 500 503')
  const responses = paths['/things']?.['post']?.responses
  t.strictSame(responses?.['503'], {
    description: '`unavailable`: Temporarily unavailable. `timeout`: The request took too long.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  })
  t.match(responses?.['201']?.content, { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } })
  t.match(paths['/list']?.['get']?.responses['400']?.description, /unsupported_cursor/)
})

t.test('security, parameters and media types are those of the route', async (t) => {
  const { paths } = describe(await served()) as unknown as Document
  t.equal(paths['/list']?.['get']?.security, undefined)
  t.strictSame(paths['/open']?.['get']?.security, [])
  t.strictSame(paths['/either']?.['get']?.security, [{}, { bearer: [] }])
  t.match(paths['/list']?.['get']?.parameters, [{ name: 'cursor', in: 'query' }])
  t.strictSame(Object.keys(paths['/things']?.['post']?.requestBody?.content ?? {}), ['application/json'])
  t.strictSame(Object.keys(paths['/things']?.['patch']?.requestBody?.content ?? {}), ['application/merge-patch+json'])
})

t.test('the reference page works from here alone', async (t) => {
  const app = await served()
  const page = await app.inject({ url: '/docs', headers: { accept: 'text/html,*/*;q=0.8' } })
  t.match([page.statusCode, page.headers['content-type']], [200, 'text/html; charset=utf-8'])
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';/)
  t.notMatch(page.body, /https?:|<script>|onload|style=/, 'nothing inline, nothing from outside')
  const references = [...page.body.matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map(([, path]) => `/${path}`)
  t.strictSame(references, ['/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/start.js'])
  for (const url of references) {
    const { statusCode, headers, body } = await app.inject(url)
    t.match([statusCode, headers['content-type']], [200, /^text\/(css|javascript); charset=utf-8$/])
    t.ok(body.length > 50)
    if (url !== '/docs/start.js') t.equal(headers['cache-control'], 'public, max-age=3600')
  }
  t.match((await app.inject('/docs/start.js')).body, /url: 'openapi\.json'.*validatorUrl: null/)
})

t.test('a browser shows the reference page, asks nobody else for it, and has nothing to complain of', { skip: noBrowser }, async (t) => {
  const app = await served()
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const page = await (await openBrowser(t)).newPage()
  const asked: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${origin}/docs`)
  await page.locator('.opblock', { hasText: '/either' }).waitFor()
  t.ok(asked.includes(`${origin}/openapi.json`))
  t.strictSame(
    asked.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith('data:')),
    [],
  )
  t.strictSame(complaints, [])
})

t.test('every problem explains itself, to programs and to people', async (t) => {
  const app = await served()
  for (const code of problemCodes) {
    const { status, title, slug } = problemKind(code)
    const reply = await app.inject(`/problems/${slug}`)
    t.match(reply.json(), { type: `/problems/${slug}`, title, status, code, meaning: /^[^<>&]{20,}\.$/, remedy: /^[^<>&]{10,}\.$/ })
    const page = await app.inject({ url: `/problems/${slug}`, headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } })
    t.equal(page.headers['content-type'], 'text/html; charset=utf-8')
    t.match(page.body, `<title>${title}</title>`)
    t.equal(page.headers['vary'], 'Accept')
  }
  for (const slug of ['nothing', 'not_found', '__proto__', 'constructor']) {
    holdsProblem(t, await app.inject(`/problems/${slug}`), 404, 'not_found')
  }
  holdsProblem(t, await app.inject({ url: '/problems/gone', headers: { accept: 'image/png' } }), 406, 'not_acceptable')
})
