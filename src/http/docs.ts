import { createReadStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'

/** Only from here, nothing from outside. Swagger UI sets styles of single elements, hence `unsafe-inline` for styles alone. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** References are relative, so that the page works below the path of a proxy. */
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Mandate API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`

const start = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#reference', deepLinking: true, validatorUrl: null })
`

const assets = { 'swagger-ui.css': 'text/css', 'swagger-ui-bundle.js': 'text/javascript' } as const

/** The API reference at `/docs`: Swagger UI from the installed package, without its plugin's routes, logo, validator or redirects. */
export function registerDocs(app: FastifyInstance): void {
  app.register(async (scope) => {
    const config = { access: { open: true as const } }
    const route = (produces: string) => ({ schema: { hide: true, produces: [produces] }, config })
    scope.get('/docs', route('text/html'), (_request, reply) =>
      reply.headers({ 'content-security-policy': policy, 'content-type': 'text/html; charset=utf-8' }).send(page),
    )
    scope.get('/docs/start.js', route('text/javascript'), (_request, reply) => reply.type('text/javascript; charset=utf-8').send(start))
    for (const [name, type] of Object.entries(assets)) {
      const file = fileURLToPath(import.meta.resolve(`@fastify/swagger-ui/static/${name}`))
      scope.get(`/docs/${name}`, route(type), (_request, reply) =>
        reply.headers({ 'cache-control': 'public, max-age=3600', 'content-type': `${type}; charset=utf-8` }).send(createReadStream(file)),
      )
    }
  })
}
