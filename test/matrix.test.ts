/**
 * Role × route: made from what the routes declare, judged by a table written here by hand. A route without a sample below fails, and so
 * does an action without a row.
 */
import { count, eq } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import * as tables from '../src/database/tables.ts'
import { type DeclaredRoute, declaredRoutes } from '../src/http/authentication.ts'
import { openTestApp, type Sent, send } from './fixtures/app.ts'
import { makeWorld, type Role, roles, samples, type World } from './fixtures/world.ts'

t.setTimeout(600_000)

const contactsOfAccount = ['owner', 'manager', 'technical', 'billing', 'limitedTechnical', 'limitedManager'] as const
const everyone = roles.filter((role) => role !== 'anonymous' && role !== 'suspended')

/** Who may do what on the account, its first domain, and a ticket about "other" opened under the grant: docs/authority.md by hand. */
const may: Record<string, readonly Role[]> = {
  'ticket.create': ['owner', 'manager', 'technical', 'limitedTechnical', 'limitedManager', 'grantee'],
  'ticket.read': ['owner', 'manager', 'technical', 'limitedTechnical', 'limitedManager', 'grantee'],
  'ticket.reply': ['owner', 'manager', 'technical', 'limitedTechnical', 'limitedManager', 'grantee'],
  'ticket.close': ['owner', 'manager', 'technical', 'limitedTechnical', 'limitedManager', 'grantee'],
  'domain.read': ['owner', 'manager', 'technical', 'limitedTechnical', 'limitedManager', 'grantee'],
  'account.read': ['owner', 'manager', 'billing'],
  'account.update': ['owner'],
  'contact.read': ['owner', 'manager', 'technical'],
  'contact.manage': ['owner', 'manager'],
  'domain.manage': ['owner', 'manager', 'limitedManager'],
  'grant.read': ['owner', 'manager', 'technical', 'limitedTechnical', 'limitedManager'],
  'grant.manage': ['owner', 'manager', 'limitedManager'],
  // A developer is asked for ticket.create instead.
  'support_code.create': ['owner', 'manager', 'technical', 'limitedTechnical', 'limitedManager'],
  'submission.decide': ['owner', 'manager', 'limitedManager'],
  'request_code.manage': ['owner', 'manager'],
  'audit.read': ['owner', 'manager', 'limitedManager'],
  'self.read': everyone,
  'self.manage': everyone,
  'staff.directory.read': ['support', 'admin'],
  'staff.ticket.work': ['support', 'admin'],
  'staff.ticket.open': ['support', 'admin'],
  'staff.submission.decide': ['support', 'admin'],
  'staff.provision': ['admin'],
  'staff.user.manage': ['admin'],
  'staff.grant.end': ['admin'],
  'staff.audit.read': ['admin'],
  'staff.client.manage': ['admin'],
  'staff.settings.manage': ['admin'],
}

const isStaff = (role: Role): boolean => role === 'support' || role === 'admin'
const tied: readonly Role[] = [...contactsOfAccount, 'grantee', 'formerGrantee', 'support', 'admin']

/** What it takes to see what a path names. */
const sight: Record<string, readonly Role[]> = {
  account: tied,
  domain: [...(may['domain.read'] as Role[]), 'support', 'admin'],
  contact: [...(may['contact.read'] as Role[]), 'support', 'admin'],
  grant: [...(may['grant.read'] as Role[]), 'support', 'admin'],
  submission: [...(may['submission.decide'] as Role[]), 'support', 'admin'],
  ticket: [...(may['ticket.read'] as Role[]), 'support', 'admin'],
  user: ['support', 'admin'],
}

type Verdict = 'unauthenticated' | 'hidden' | 'refused' | 'admitted'

function expected({ access }: DeclaredRoute, role: Role, except: readonly Role[]): Verdict {
  if (role === 'anonymous' || role === 'suspended') return 'unauthenticated'
  if ('open' in access) return 'admitted'
  const seen = sight[access.on]
  if (seen !== undefined && !seen.includes(role)) return 'hidden'
  if (access.on === 'everywhere') return 'admitted'
  const delegate = role === 'grantee' || role === 'formerGrantee' ? access.delegateAction : undefined
  const asked = isStaff(role) && !access.action.startsWith('self.') ? access.staffAction : (delegate ?? access.action)
  const allowed = asked !== undefined && (may[asked] ?? []).includes(role) && !except.includes(role)
  return allowed ? 'admitted' : 'refused'
}

function verdictOf({ status, body }: Sent): Verdict {
  if (status === 401) return 'unauthenticated'
  if (status === 404) return 'hidden'
  return status === 403 && body?.code === 'not_authorised' ? 'refused' : 'admitted'
}

const quiet = new Set(['journalEvents', 'journalValues', 'throttles', 'refusedAttempts'])
const counted = Object.entries(tables).filter(
  ([name, table]) => !quiet.has(name) && typeof table === 'object' && 'getSQL' in table && !('seqName' in table),
)

async function rowsOf(world: World): Promise<string> {
  const sums = []
  for (const [name, table] of counted) {
    const [row] = await world.test.context.db.select({ rows: count() }).from(table as PgTable)
    sums.push(`${name} ${row?.rows}`)
  }
  return sums.join(', ')
}

const changes = ({ method }: DeclaredRoute): boolean => method !== 'GET'

/** They ask, or hand out what must be signed, and change nothing that anybody has. */
const asking = [
  'POST /access/v1/evaluation',
  'POST /access/v1/evaluations',
  'POST /access/v1/search/subject',
  'POST /access/v1/search/resource',
  'POST /access/v1/search/action',
  'POST /v1/decisions/explain',
  'POST /v1/accounts/:account/domains/claims/:claim/check',
  'POST /v1/sessions/step-up/passkey/options',
  'POST /v1/me/second-factors/passkeys/options',
]
/** Their samples find nothing left to do, which is answered alike; that they leave an event otherwise, their own tests show. */
const idle = [
  'PATCH /v1/accounts/:account',
  'POST /v1/accounts/:account/contacts/:contact/confirm',
  'POST /v1/accounts/:account/grantees/:user/revoke',
  'POST /v1/users/:user/grants/revoke',
  'POST /v1/users/:user/restore',
  'DELETE /v1/staff/:user',
]

/** What may differ between two equal refusals. */
const stripped = ({ status, headers, text }: Sent): object => {
  const { date: _date, 'x-request-id': _id, ratelimit: _limit, ...rest } = headers
  return { status, headers: rest, text: text.replace(/"instance":"[^"]*"/, '') }
}

/** What the table says of an action, as a question to the decision point. */
function evaluationOf({ people, account, d1 }: World, role: Role, action: string, ticket: string): object {
  const subject = { type: 'user', id: people[role as Exclude<Role, 'anonymous'>].id }
  const asked = { subject, action: { name: action }, context: { account, topic: 'other' } }
  if (action.startsWith('staff.') || action.startsWith('self.')) return { ...asked, resource: { type: 'provider', id: 'provider' } }
  if (/^ticket\.(read|reply|close)$/.test(action)) return { ...asked, resource: { type: 'ticket', id: ticket } }
  if (/^(account|contact|request_code|webhook)\./.test(action)) return { ...asked, resource: { type: 'account', id: account } }
  return { ...asked, resource: { type: 'domain', id: d1.id } }
}

t.test('S7, C5: role × route', async (t) => {
  const world = await makeWorld(await openTestApp(t))
  const routes = declaredRoutes(world.test.app).filter(({ method }) => method !== 'HEAD' && method !== 'OPTIONS')
  const secured = routes.filter(({ access }) => !('open' in access))

  await t.test('every secured route has a sample, and every sample a route', async (t) => {
    const named = secured.map(({ method, url }) => `${method} ${url}`)
    t.strictSame([...Object.keys(samples)].sort(), named.sort())
    for (const { access } of secured) {
      if ('open' in access) continue
      t.ok(may[access.action], `${access.action} has a row`)
      if (access.staffAction !== undefined) t.ok(may[access.staffAction], `${access.staffAction} has a row`)
    }
  })

  await t.test('the routes that need nobody are these', async (t) => {
    const open = routes.filter(({ access }) => 'open' in access).map(({ method, url }) => `${method} ${url}`)
    t.matchOnlyStrict(open.sort(), [...world.open].sort())
  })

  await t.test('S7: the decision point says of every action what the table above says, and so what every route answers', async (t) => {
    const ticket = await samples['GET /v1/tickets/:ticket']?.make(world, 'owner')
    for (const role of everyone) {
      const evaluations = Object.keys(may).map((action) => evaluationOf(world, role, action, String(ticket?.['ticket'])))
      const { body } = await send(world.test, 'POST', '/access/v1/evaluations', { token: world.tokens[role], body: { evaluations } })
      const permitted = Object.keys(may).filter((_action, index) => body.evaluations[index].decision)
      t.strictSame(
        permitted,
        Object.keys(may).filter((action) => may[action]?.includes(role)),
        role,
      )
    }
  })

  const [recorded, changed, nobodys, unverified] = [new Set<string>(), new Set<string>(), new Set<string>(), new Set<string>()]
  async function note({ test: { context } }: World, name: string, sent: Sent): Promise<void> {
    const { actorUserId: actor, clientId: client, verifiedAt, at, requestId } = tables.journalEvents
    const ofRequest = eq(requestId, String(sent.headers['x-request-id']))
    const events = await context.db.select({ actor, client, verifiedAt, at }).from(tables.journalEvents).where(ofRequest)
    changed.add(name)
    if (events.length > 0) recorded.add(name)
    if (events.some((event) => event.actor === null && event.client === null)) nobodys.add(name)
    if (events.some((event) => event.verifiedAt === null || event.verifiedAt > event.at)) unverified.add(name)
  }
  for (const route of secured) {
    const name = `${route.method} ${route.url}`
    const sample = samples[name]
    if (sample === undefined) continue
    await t.test(name, async (t) => {
      for (const role of roles) {
        const target = await sample.make(world, role)
        const before = await rowsOf(world)
        const request = { ...sample.request(world, target, role), token: world.tokens[role] }
        const sent = await send(world.test, route.method, sample.url(world, target), request)
        const verdict = expected(route, role, sample.except ?? [])
        t.equal(verdictOf(sent), verdict, `${role}: ${verdict} (${sent.status} ${sent.body?.code ?? ''} ${sent.body?.reason ?? ''})`)
        t.not(sent.status, 500)
        if (verdict !== 'admitted') t.equal(await rowsOf(world), before, `${role}: and nothing was written`)
        if (verdict === 'admitted' && sent.status < 300 && changes(route)) await note(world, name, sent)
        if (verdict === 'unauthenticated') t.ok(sent.headers['www-authenticate'])
        if (role !== 'stranger' && role !== 'otherOwner') continue
        t.notOk(sent.body?.reason, 'a caller without a tie is told no reason')
        if (verdict === 'admitted') continue
        const double = Object.fromEntries(Object.keys(target).map((kind) => [kind, uuid()]))
        const inventedRequest = { ...sample.request(world.invented, double, role), token: world.tokens[role] }
        const invented = await send(world.test, route.method, sample.url(world.invented, double), inventedRequest)
        t.strictSame(stripped(invented), stripped(sent), `${role}: the same bytes for what does not exist`)
      }
    })
  }

  await t.test('U1: whatever changed something left an event that says who, and in which request', async (t) => {
    t.strictSame(
      [...changed].filter((name) => !recorded.has(name) && !asking.includes(name) && !idle.includes(name)),
      [],
    )
    t.strictSame([...nobodys], [])
    t.strictSame([...unverified], [], 'and when he was verified')
    t.strictSame(
      [...asking, ...idle].filter((name) => recorded.has(name) || !changed.has(name)),
      [],
      'and what is left out has a reason',
    )
  })
})
