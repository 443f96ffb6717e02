/** No password, mailed secret or token is kept or told anywhere but where it belongs: every table, every job and every line of the log. */
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import t from 'tap'
import { createApp } from '../../src/app.ts'
import { ensureBootstrapToken } from '../../src/bootstrap/token.ts'
import type { Log } from '../../src/database/open.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { mailbox, tokenIn } from '../fixtures/mail.ts'
import { logLines } from '../http/wire.ts'

t.test('canaries sing nowhere', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const { lines, logger } = logLines()
  const parts = { context: test.context, keys: test.keys, ready: async () => true, secret: randomBytes(32), logger }
  const app = await createApp(parts)
  t.teardown(() => app.close())
  const keep = (fields: object, message: string) => lines.push({ ...fields, message })
  const log: Log = { info: keep, warn: keep, error: keep }
  const canaries: string[] = []
  const canary = (secret: string): string => {
    canaries.push(secret)
    return secret
  }
  const password = (name: string) => canary(`canary-${name}-${randomBytes(9).toString('base64url')}`)
  const post = async (url: string, status: number, body: object, token?: string) => {
    const reply = await send({ app }, 'POST', url, { body, token, key: true })
    t.equal(reply.status, status, `${url}: ${reply.text}`)
    if (status >= 400 || status === 202) for (const secret of canaries) t.notMatch(reply.text, secret)
    return reply.body
  }
  const mailed = async (): Promise<string> => {
    const [mail] = await mailbox(test, log)
    return canary(tokenIn(mail))
  }
  const signIn = async (address: string, secret: string): Promise<string> =>
    canary((await post('/v1/sessions', 201, { address, password: secret })).accessToken)

  const adminPassword = password('admin')
  const ada = 'ada@provider.example'
  const bootstrap = {
    token: canary((await ensureBootstrapToken(test.context)) as string),
    name: 'Ada',
    address: ada,
    password: adminPassword,
  }
  await post('/v1/bootstrap', 201, bootstrap)
  await post('/v1/bootstrap', 403, bootstrap)
  const admin = await signIn(ada, adminPassword)
  await post('/v1/sessions', 401, { address: ada, password: password('wrong') })
  await post('/v1/sessions', 401, { address: `${password('typed-into-the-wrong-field')}@shop.example`, password: 'x' })
  await post('/v1/sessions/step-up', 422, { password: password('wrong-again') }, admin)
  canary((await post('/v1/sessions/step-up', 200, { password: adminPassword }, admin)).accessToken)

  const danPassword = password('dan')
  await post('/v1/users', 202, { name: 'Dan', address: 'dan@agency.example', password: danPassword })
  const proof = await mailed()
  await post('/v1/users/proofs', 403, { token: proof, password: password('guess') })
  await post('/v1/users/proofs', 201, { token: proof, password: danPassword })
  await post('/v1/users', 202, { name: 'Dan', address: 'dan@agency.example', password: password('again') })
  await mailbox(test, log)

  const { id } = await post(
    '/v1/accounts',
    201,
    { name: 'Alpha Ltd', owner: { address: 'olga@alpha.example' }, domains: ['alpha.example'] },
    admin,
  )
  const invitation = await mailed()
  await post('/v1/invitations/show', 200, { token: invitation })
  const olgaPassword = password('olga')
  await post('/v1/invitations/accept', 422, { token: invitation, name: 'Olga', password: canary('olga-short') })
  await post('/v1/invitations/accept', 201, { token: invitation, name: 'Olga', password: olgaPassword })
  const olga = await signIn('olga@alpha.example', olgaPassword)
  const grant = { grantee: { address: 'dan@agency.example' }, domains: ['alpha.example'], actions: ['ticket.read'] }
  await post(`/v1/accounts/${id}/grants`, 201, grant, olga)
  const offer = await mailed()
  await post('/v1/invitations/accept', 200, { token: offer }, await signIn('dan@agency.example', danPassword))
  await post('/v1/staff', 202, { address: 'sue@provider.example', role: 'support' }, admin)
  await mailbox(test, log)
  await send({ app }, 'DELETE', '/v1/sessions/current', { token: olga })

  const { rows: tables } = await db.execute<{ name: string }>(sql`select format('%I.%I', table_schema, table_name) as name
    from information_schema.tables where table_schema in ('public', 'pgboss') and table_type = 'BASE TABLE'`)
  t.ok(tables.length > 25)
  for (const { name } of tables) {
    const { rows } = await db.execute<{ row: string }>(sql`select t::text as row from ${sql.raw(name)} t`)
    const text = rows.map(({ row }) => row).join('\n')
    for (const secret of canaries) t.notOk(text.includes(secret), `${name} holds ${secret.slice(0, 12)}…`)
  }
  t.ok(lines.length > 20)
  const logged = JSON.stringify(lines)
  for (const secret of canaries) t.notOk(logged.includes(secret), `the log tells ${secret.slice(0, 12)}…`)
})
