/**
 * Whatever is sent to whichever route, by someone who may do everything there: a problem in its full form, never a 500, and nothing
 * written. Made from the OpenAPI document, so that a new route is swept as soon as it is there.
 */
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { clients } from '../src/database/tables.ts'
import { checkDetails } from '../src/evidence/check.ts'
import { evidenceFields, fieldNames } from '../src/evidence/fields.ts'
import { shippedTopics } from '../src/evidence/topics.ts'
import { type ProblemCode, problemCodes, problemKind } from '../src/problem.ts'
import { asking, submission } from './fixtures/cast.ts'
import { type Mistake, type Sending, surplusMembers, wrongBodies, wrongMembers, wrongPaths, wrongQueries } from './fixtures/mistakes.ts'
import { type Operation, operationsOf, placesIn } from './fixtures/operations.ts'
import { countEffects } from './fixtures/rows.ts'
import { setStage } from './tickets/stage.ts'

t.setTimeout(600_000)
const stage = await setStage(t)
const { test, a, b, people, contacts, grants, domains: held } = stage
const ticket: string = (await stage.open('owner')).body.id
const operations = operationsOf(test.app)

const at = new Date(test.clock.now())
await test.context.db.insert(clients).values({ id: uuid(), name: 'Panel', realm: 'panel.example', scopes: [], createdAt: at })

/** What each parameter that is needed names here. A new one needs its line. */
const named: Record<string, string> = {
  address: 'nobody@people.example',
  client: (await test.context.db.select().from(clients))[0]?.id as string,
  account: a.number,
  domain: 'alpha.example',
  contact: contacts.technical,
  grant: grants.developer,
  ticket,
  submission: await submission(test, people.stranger, a.number, 'alpha.example'),
  user: people.stranger.id,
  request: await asking(test, people.owner),
  session: people.owner.session,
  factor: uuid(),
  key: String((await test.keys.jwks()).keys[0]?.kid),
  token: uuid(),
  topic: 'other',
  slug: 'not-found',
  claim: 'no-claim',
  mute: uuid(),
  external: '4711',
  externalDomain: 'd-1',
  externalContact: 'u-1',
}

/** What the caller names as he likes leads nowhere only where it cannot be read. */
const isChosen = ({ what }: Mistake): boolean => /^external\w*: /.test(what)
/** Ending what somebody holds says nothing of whether he is anybody: it is the same for whom nothing is known. */
const isAnybody = ({ path }: Operation): boolean => path.includes('/grantees/{user}')

/** The same in another account. */
const foreign: Record<string, string[]> = {
  account: [b.id, b.number],
  domain: [held.beta.id, 'beta.example'],
  domains: [held.beta.id, 'beta.example'],
  contact: [contacts.otherOwner],
  user: [people.otherOwner.id],
}

const isOfStaff = ({ access }: Operation): boolean => !('open' in access) && access.action.startsWith('staff.')

/** Sends one request in the name of whoever may do everything on this route. */
function sendTo(operation: Operation, { url = urlOf(operation.path), body, headers = {}, method = operation.method }: Sending) {
  const { access, body: taken } = operation
  const { token } = isOfStaff(operation) ? people.admin : people.owner
  const usual = operation.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
  const own = {
    ...('open' in access ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': taken?.mediaType ?? usual }),
    'idempotency-key': uuid(),
    'if-match': '*',
  }
  const content = body === undefined ? {} : { payload: body }
  return test.app.inject({ method: method as 'GET', url, headers: { ...own, ...headers }, ...content })
}

const urlOf = (path: string, change: Record<string, string> = {}): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = change[name] ?? named[name]
    if (value === undefined) throw new Error(`nothing is named by {${name}}`)
    return value
  })

type Reply = Awaited<ReturnType<typeof sendTo>>

/** What a reply lacks of a problem (RFC 9457) as this service promises it; undefined when it lacks nothing. */
function faultOf(reply: Reply, statuses: readonly number[], pointer?: string): string | undefined {
  const { headers, statusCode: status, body: text } = reply
  if (!statuses.includes(status)) return `${status} instead of ${statuses.join(' or ')}: ${text.slice(0, 200)}`
  const body = JSON.parse(text)
  const wanted = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  }
  for (const [name, value] of Object.entries(wanted)) if (headers[name] !== value) return `${name}: ${String(headers[name])}`
  const code = body.code as ProblemCode
  if (!problemCodes.includes(code) || problemKind(code).status !== status || body.status !== status) return `code ${code} with ${status}`
  if (body.type !== `/problems/${problemKind(code).slug}` || body.title !== problemKind(code).title) return `type ${body.type}`
  if (body.instance !== `urn:uuid:${String(headers['x-request-id'])}`) return `instance ${body.instance}`
  if (/node_modules|SQLSTATE|violates|syntax error|drizzle|\bat .*:\d+:\d+/i.test(text)) return `it tells too much: ${text}`
  const errors: { pointer?: string; parameter?: string; in?: string; detail?: string; code?: string }[] = body.errors ?? []
  const lame = errors.find(
    (error) => !error.detail || !error.code || (error.pointer === undefined) === (error.parameter === undefined && error.in === undefined),
  )
  if (lame !== undefined) return `an error that helps nobody: ${JSON.stringify(lame)}`
  const named =
    pointer === undefined || status !== 422 || errors.some((error) => error.pointer?.startsWith(pointer) || error.parameter === pointer)
  return named ? undefined : `${pointer} is not named: ${text}`
}

/** What follows a standard of its own answers in its own way, and is only held not to fail. */
const isStandard = ({ path }: Operation): boolean => path.startsWith('/access/') || path.startsWith('/oauth/')
const failureOf = ({ statusCode, body }: Reply): string | undefined =>
  statusCode < 500 ? undefined : `${statusCode}: ${body.slice(0, 200)}`

/** Sends all of them; each must be refused as it says, and after all of them nothing may have changed. */
async function sweep(t: Test, operation: Operation, tries: readonly Mistake[], except: readonly string[] = []): Promise<void> {
  const before = await countEffects(test.context.db, except)
  const faults: string[] = []
  for (const { what, statuses, pointer, ...sending } of tries) {
    const reply = await sendTo(operation, sending)
    const fault = isStandard(operation) ? failureOf(reply) : faultOf(reply, statuses, pointer)
    if (fault !== undefined) faults.push(`${what}: ${fault}`)
  }
  t.strictSame(faults, [], `${operation.name}: ${tries.length} requests, each a problem`)
  t.strictSame(await countEffects(test.context.db, except), before, 'and nothing was written')
}

const json = (value: unknown): string => JSON.stringify(value)
/** What all routes share is tried in full on these. */
const inFull = ({ name }: Operation): boolean =>
  name === 'POST /v1/tickets' || name === 'GET /v1/tickets' || name === 'GET /v1/tickets/{ticket}'

t.test('the samples have the right shape, so that only what is meant to be wrong is', async (t) => {
  for (const { name, body } of operations) if (body !== undefined) t.ok(body.isValid(body.base), `${name}: ${json(body.base)}`)
  t.ok(operations.length >= 15)
})

for (const operation of operations) {
  t.test(operation.name, async (t) => {
    const full = inFull(operation)
    const { body, method, parameters, path } = operation
    // Otherwise all is well, so that it is this mistake that is refused.
    const rest = body === undefined ? {} : { body: json(body.base) }
    const elsewhere = parameters
      .filter((parameter) => parameter.in === 'path' && path.startsWith('/v1/accounts/') && !isOfStaff(operation))
      .filter(({ name }) => name !== 'user' || !isAnybody(operation))
      .flatMap(({ name }) =>
        (foreign[name] ?? []).map((value) => ({
          what: `${name} of another account`,
          statuses: [404],
          url: urlOf(path, { [name]: value }),
        })),
      )
    const free = (one: Mistake): boolean => isChosen(one) || (isAnybody(operation) && one.what.startsWith('user'))
    const paths = wrongPaths(operation, urlOf, full).filter((one) => !free(one) || !one.statuses.includes(404))
    const targets = [...wrongQueries(operation, urlOf, full), ...paths, ...elsewhere].map((one) => ({
      ...one,
      ...rest,
    }))
    const content = [...wrongBodies(operation, full), ...surplusMembers(operation, full), ...wrongMembers(operation, full)]
    await sweep(t, operation, [
      ...targets,
      ...(method === 'GET' ? [{ what: 'content on GET', statuses: [400], body: '{"a":1}' }] : content),
    ])
  })
}

t.test("another account's things, named inside a body, open nothing", async (t) => {
  for (const operation of operations) {
    const { body, access } = operation
    if (body === undefined || 'open' in access || isOfStaff(operation)) continue
    // What is submitted may name anything: it is held, and test/intake shows that it opens nothing.
    if (operation.name === 'POST /v1/submissions') continue
    const tries = placesIn(body.base).flatMap(({ pointer, value, set }) => {
      const name = pointer.split('/').findLast((part) => !/^\d+$/.test(part)) ?? ''
      return typeof value !== 'string'
        ? []
        : (foreign[name] ?? []).map((other) => ({ what: `${pointer} = ${other}`, statuses: [403, 404, 422], body: json(set(other)) }))
    })
    // A refusal of someone with a tie is recorded.
    if (tries.length > 0) await sweep(t, operation, tries, ['journal_events'])
  }
})

t.test('evidence of every kind is read as strictly as the rest', async (t) => {
  const operation = operations.find(({ name }) => name === 'POST /v1/tickets') as Operation
  const context = { domain: held.alpha.name, now: test.clock.now() }
  const values = [7, null, [null], { at: 7 }, 'x'.repeat(20_000), '0000-00-00T00:00:00Z']
  // The one topic that may have every field.
  const topic = 'other'
  const examples = shippedTopics[topic].fields.map(({ field }) => [field, evidenceFields[field].example])
  const details = { ...Object.fromEntries(examples), url: 'https://alpha.example/' }
  t.equal(examples.length, fieldNames.length)
  const send = (what: string, changed: string): Mistake => {
    const whole = { account: a.number, domain: held.alpha.name, topic, subject: 'S', message: 'M', details: '@' }
    return { what, statuses: [422], pointer: '#/details', body: json(whole).replace('"@"', changed) }
  }
  const tries = placesIn(details, '#/details').flatMap(({ pointer, value, set }) => {
    const wrong = values.filter((other) => checkDetails(topic, set(other), context).errors.length > 0)
    const texts = typeof value === 'string' ? ['"\\u0000"', '"a\\ud800"'] : []
    const raw = (text: string) => json(set('@@')).replace('"@@"', text)
    return [...wrong.map(json), ...texts, '1e400'].map((text) => send(`${pointer} = ${text.slice(0, 40)}`, raw(text)))
  })
  await sweep(t, operation, [...tries, send('an unknown one', '{"surprise":1}'), send('a list', '[]')])
})

t.test('a method that a path does not have is told which it has', async (t) => {
  const reaches = (path: string) => (operation: Operation) => new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path)
  for (const [path, operation] of new Map(operations.map((each) => [each.path, each]))) {
    const methods = operations.filter(reaches(urlOf(path))).map(({ method }) => method)
    const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'].filter((method) => !methods.includes(method))
    const replies = await Promise.all(others.map((method) => sendTo(operation, { method })))
    const faults = replies.map((reply) => faultOf(reply, [405])).filter((fault) => fault !== undefined)
    t.strictSame(faults, [], `${path} takes ${methods.join(', ')}`)
    t.ok(replies.every(({ headers }) => methods.every((method) => String(headers['allow']).includes(method))))
  }
})
