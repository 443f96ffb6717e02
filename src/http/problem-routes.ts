import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { Problem, problemCodes, problemKind } from '../problem.ts'
import { preferred } from './accept.ts'
import { problems } from './contract.ts'
import { explanations } from './problem-texts.ts'

const html = 'text/html'
const offers = ['application/json', html] as const

const explanation = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  meaning: Type.String({ description: 'What happened.' }),
  remedy: Type.String({ description: 'What the caller can do.' }),
})

const kindsBySlug = new Map(
  problemCodes.map((code) => {
    const { status, title, slug } = problemKind(code)
    return [slug, { type: `/problems/${slug}`, title, status, code, ...explanations[code] }] as const
  }),
)

/** `GET /problems/{slug}`: what a problem's `type` leads to (RFC 9457, section 3.1.1), for programs and, in a browser, for people. */
export async function problemRoutes(app: FastifyInstance): Promise<void> {
  const schema = {
    tags: ['problems'],
    summary: 'Explain a kind of problem',
    operationId: 'explainProblem',
    params: Type.Object({ slug: Type.String({ maxLength: 64 }) }),
    produces: [...offers],
    response: { 200: { content: { 'application/json': { schema: explanation } } }, ...problems('not_found') },
  }
  app.get<{ Params: { slug: string } }>('/problems/:slug', { schema, config: { access: { open: true } } }, (request, reply) => {
    const kind = kindsBySlug.get(request.params.slug)
    if (kind === undefined) throw new Problem('not_found')
    reply.header('vary', 'Accept')
    return preferred(request.headers.accept, offers) === html ? reply.type(`${html}; charset=utf-8`).send(page(kind)) : reply.send(kind)
  })
}

/** Every word of it is our own, so nothing needs to be escaped. */
const page = ({ title, status, code, meaning, remedy }: (typeof explanation)['static']): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title></head>
<body>
<h1>${title}</h1>
<p><code>${code}</code>, HTTP status ${status}</p>
<p>${meaning}</p>
<p>${remedy}</p>
</body>
</html>
`
