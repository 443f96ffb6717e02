import { Type } from '@sinclair/typebox'
import type { App } from '../http/feature.ts'
import { Problem } from '../problem.ts'

const schema = (summary: string) => ({ tags: ['health'], summary, response: { 200: Type.Object({ status: Type.Literal('ok') }) } })

type Options = {
  /** Whether the database answers and nothing else stands in the way of serving. */
  ready: () => Promise<boolean>
}

/** For the machines that watch: `/livez` says that the process runs, `/readyz` that it should be sent requests. */
export async function healthRoutes(app: App, { ready }: Options): Promise<void> {
  app.get('/livez', { config: { access: { open: true } }, schema: schema('Whether the process runs') }, async () => ({
    status: 'ok' as const,
  }))

  app.get('/readyz', { config: { access: { open: true } }, schema: schema('Whether it can serve') }, async () => {
    if (!(await ready())) throw new Problem('unavailable', { detail: 'Not ready to serve', headers: { 'retry-after': '5' } })
    return { status: 'ok' as const }
  })
}
