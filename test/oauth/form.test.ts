import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { OAuthError, sendOAuthError } from '../../src/oauth/errors.ts'
import { Problem } from '../../src/problem.ts'
import { openTestApp, type Sent, send } from '../fixtures/app.ts'
import { account, contact, domain, person, tokenFor } from '../fixtures/cast.ts'
import { countRows } from '../fixtures/rows.ts'
import { serverWith } from '../http/wire.ts'
import {
  accessTokenType,
  assertionType,
  clientAssertion,
  jwtBearer,
  panel,
  post,
  proof,
  tie,
  tokenExchange,
  userAssertion,
} from './stage.ts'

/** RFC 6749, section 5.2. */
function holdsRefusal(t: Test, { status, headers, body }: Sent, code: string, what: string, expected = 400): void {
  t.match([status, headers['content-type'], headers['cache-control']], [expected, /^application\/json/, 'no-store'], what)
  t.strictSame(Object.keys(body), ['error', 'error_description'], what)
  t.equal(body.error, code, `${what}: ${body.error_description}`)
  t.match(body.error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
}

t.test('the forms of the OAuth endpoints', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const shop = await panel(test)
  const olga = await person(test, 'Olga Owner')
  const subject = await tie(test, shop, olga)
  const credentials = { client_id: shop.id, client_secret: shop.secret }
  const good = { grant_type: 'client_credentials', ...credentials }
  const encoded = new URLSearchParams(good).toString()
  t.equal((await post(test, '/oauth/token', good)).status, 200, 'the good one')
  const before = await countRows(db, ['used_assertions'])

  await t.test('what cannot be read for certain is refused', async (t) => {
    const form = 'application/x-www-form-urlencoded'
    const broken: Record<string, [body: string, type?: string, headers?: Record<string, string>]> = {
      'a parameter twice': [`${encoded}&grant_type=client_credentials`],
      'a parameter twice, once empty': [`${encoded}&client_id=`],
      'a name twice, once escaped': [`${encoded}&%67rant_type=x`],
      'an unknown parameter twice': [`${encoded}&x=1&x=2`],
      'no equals sign': [`${encoded}&x`],
      'two equals signs': [`${encoded}&x=a=b`],
      'no name': [`${encoded}&=x`],
      'an empty pair': [`${encoded}&&x=1`],
      NUL: [`${encoded}&x=%00`],
      'a cut-off escape': [`${encoded}&x=%4`],
      'no UTF-8 in escapes': [`${encoded}&x=%ff`],
      'a character that must be escaped': [`${encoded}&x=ä`],
      'a blank': [`${encoded}&x=a b`],
      'more than 16 KiB': [`${encoded}&x=${'y'.repeat(16_384)}`],
      'another charset': [encoded, `${form}; charset=iso-8859-1`],
      compressed: [encoded, form, { 'content-encoding': 'gzip' }],
      JSON: [JSON.stringify(good), 'application/json'],
      'no media type': [encoded, ''],
      multipart: [encoded, 'multipart/form-data; boundary=x'],
      'nothing at all': [''],
      'no grant_type': [new URLSearchParams(credentials).toString()],
      'an empty grant_type': [`grant_type=&${new URLSearchParams(credentials)}`],
    }
    for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
      for (const [what, [body, type = form, headers = {}]] of Object.entries(broken)) {
        const sent = path.endsWith('token') ? body : `token=${olga.token}&${body}`
        // What only the token endpoint asks for, the others do not miss; and one of them asks first who is asking.
        if (path !== '/oauth/token' && /grant_type|nothing at all/.test(what)) continue
        holdsRefusal(t, await post(test, path, sent, { 'content-type': type, ...headers }), 'invalid_request', `${path}: ${what}`)
      }
    }
    t.equal((await send(test, 'GET', '/v1/me', { token: olga.token })).status, 200, 'nor is anything ended')
    holdsRefusal(t, await post(test, `/oauth/token?grant_type=client_credentials`, credentials), 'invalid_request', 'in the query')
    for (const headers of [{}, { 'content-type': form }]) {
      const reply = await test.app.inject({ method: 'POST', url: '/oauth/token', headers })
      t.match([reply.statusCode, reply.json()], [400, { error: 'invalid_request' }], 'no body')
    }
    const unacceptable = await post(test, '/oauth/token', good, { accept: 'text/html' })
    holdsRefusal(t, unacceptable, 'invalid_request', 'an answer in another form')
    t.equal((await post(test, '/oauth/token', `${encoded}&unknown=1`, { 'content-type': `${form}; charset=UTF-8` })).status, 200)
    t.equal((await send(test, 'GET', '/oauth/token')).body.code, 'method_not_allowed', 'another method never arrives there')
  })

  await t.test('the grant is one of those that are known', async (t) => {
    for (const type of ['password', 'authorization_code', 'implicit', 'constructor', '__proto__', `${jwtBearer} `]) {
      holdsRefusal(t, await post(test, '/oauth/token', { ...good, grant_type: type }), 'unsupported_grant_type', type)
    }
  })

  await t.test('nothing that would narrow a token is ignored', async (t) => {
    const assertion = await userAssertion(test, shop, subject)
    const details = JSON.stringify([{ type: 'helpdesk_authority', account: 'C-1', domains: [], actions: ['ticket.read'] }])
    holdsRefusal(t, await post(test, '/oauth/token', { ...good, scope: 'ticket.read' }), 'invalid_scope', 'a scope')
    for (const rest of [{}, { grant_type: jwtBearer, assertion }]) {
      const sent = await post(test, '/oauth/token', { ...good, ...rest, authorization_details: details })
      holdsRefusal(t, sent, 'invalid_authorization_details', 'details where they are not taken')
    }
  })

  await t.test('a client that cannot be told for certain is refused', async (t) => {
    const assertion = await clientAssertion(test, shop)
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    const plain = { grant_type: 'client_credentials' }
    const signed = { client_assertion: assertion, client_assertion_type: assertionType }
    const rows: Record<string, [params: Record<string, string>, headers?: Record<string, string>]> = {
      none: [plain],
      'another secret': [{ ...good, client_secret: `${shop.secret}x` }],
      'an unknown client': [{ ...good, client_id: olga.id }],
      'a client that is no id': [{ ...good, client_id: "' or 1=1 --" }],
      'a secret of a client without one': [{ ...good, client_secret: 'x' }],
      'only its id': [{ ...plain, client_id: shop.id }],
      'Basic with another secret': [plain, basic(`${shop.id}:nope`)],
      'Basic without a colon': [plain, basic(shop.id)],
      'Basic that is no base64': [plain, { authorization: 'Basic ***' }],
      'Basic with half an escape': [plain, basic(`${shop.id}:%`)],
      'an access token in its place': [plain, { authorization: `Bearer ${olga.token}` }],
      'another client_id beside Basic': [{ ...plain, client_id: olga.id }, basic(`${shop.id}:${shop.secret}`)],
      'another client_id beside an assertion': [{ ...plain, ...signed, client_id: olga.id }],
    }
    for (const [what, [params, headers]] of Object.entries(rows)) {
      const sent = await post(test, '/oauth/token', params, headers)
      holdsRefusal(t, sent, 'invalid_client', what, 401)
      t.match(sent.headers['www-authenticate'], /^Basic realm=/, what)
    }
    const twice: Record<string, [Record<string, string>, Record<string, string>?]> = {
      'Basic and a secret': [good, basic(`${shop.id}:${shop.secret}`)],
      'a secret and an assertion': [{ ...good, ...signed }],
      'a secret without a client_id': [{ ...plain, client_secret: shop.secret }],
      'an assertion without its type': [{ ...plain, client_assertion: assertion }],
      'an assertion of another type': [
        { ...plain, ...signed, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
      ],
      'a type without an assertion': [{ ...plain, client_assertion_type: assertionType }],
    }
    for (const [what, [params, headers]] of Object.entries(twice)) {
      holdsRefusal(t, await post(test, '/oauth/token', params, headers), 'invalid_request', what)
    }
  })

  await t.test('what a grant needs is asked for', async (t) => {
    const known = await proof(test, shop)
    holdsRefusal(t, await post(test, '/oauth/token', { grant_type: jwtBearer, ...known }), 'invalid_request', 'no assertion')
    const assertion = await userAssertion(test, shop, subject)
    holdsRefusal(t, await post(test, '/oauth/token', { grant_type: jwtBearer, assertion }), 'invalid_client', 'nobody asks', 401)
    const exchange = { grant_type: tokenExchange, subject_token: olga.token, subject_token_type: accessTokenType }
    holdsRefusal(t, await post(test, '/oauth/token', exchange), 'invalid_request', 'no details')
    holdsRefusal(t, await post(test, '/oauth/token', { grant_type: tokenExchange }), 'invalid_request', 'no subject token type')
    holdsRefusal(t, await post(test, '/oauth/revoke', {}), 'invalid_request', 'no token')
    holdsRefusal(t, await post(test, '/oauth/introspect', credentials), 'invalid_request', 'no token')
  })

  await t.test('authorization_details are one of the one known type, with known members', async (t) => {
    const a = await account(test, 'Alpha Ltd')
    await contact(test, a, olga, 'owner')
    const d = await domain(test, a, 'alpha.example')
    const fine = { type: 'helpdesk_authority', account: a.number, domains: [d.name], actions: ['ticket.read'] }
    const ask = (details: unknown) =>
      post(test, '/oauth/token', {
        grant_type: tokenExchange,
        subject_token: olga.token,
        subject_token_type: accessTokenType,
        authorization_details: typeof details === 'string' ? details : JSON.stringify(details),
      })
    const sessions = await countRows(db)
    const broken: Record<string, unknown> = {
      'no JSON': 'nonsense',
      'an object': fine,
      nothing: [],
      two: [fine, fine],
      'another type': [{ ...fine, type: 'payment' }],
      'no type': [{ ...fine, type: undefined }],
      'an unknown member': [{ ...fine, locations: ['https://elsewhere.example'] }],
      'a member twice': `[${JSON.stringify(fine).slice(0, -1)},"account":"C-1"}]`,
      'a poisonous member': `[${JSON.stringify(fine).slice(0, -1)},"__proto__":{}}]`,
      'no account': [{ ...fine, account: undefined }],
      'an account as a number': [{ ...fine, account: 7 }],
      'no domains': [{ ...fine, domains: undefined }],
      'domains as text': [{ ...fine, domains: 'alpha.example' }],
      'no actions': [{ ...fine, actions: [] }],
      'an action twice': [{ ...fine, actions: ['ticket.read', 'ticket.read'] }],
      'an unknown action': [{ ...fine, actions: ['ticket.delete'] }],
      'what no token carries': [{ ...fine, actions: ['self.manage'] }],
      'what staff may': [{ ...fine, actions: ['staff.ticket.work'] }],
      'a grant that is no id': [{ ...fine, grant: 'any' }],
      '101 domains': [{ ...fine, domains: Array.from({ length: 101 }, (_, index) => `d${index}.example`) }],
    }
    for (const [what, details] of Object.entries(broken)) holdsRefusal(t, await ask(details), 'invalid_authorization_details', what)
    t.strictSame(await countRows(db), sessions, 'and nothing was written')
    t.equal((await ask([fine])).status, 200)
  })

  await t.test('and of all this nothing was issued', async (t) => {
    const { sessions: now, users: people } = await countRows(db)
    t.equal(people, before['users'])
    t.equal(now, (before['sessions'] as number) + 2, 'but for the two that were right')
  })
})

t.test('what the server itself refuses is in the same form', async (t) => {
  const failures: Record<string, unknown> = {
    '/429': new Problem('quota_exceeded', { headers: { 'retry-after': '7' } }),
    '/503': new Problem('unavailable'),
    '/500': new Error('a "secret" cause'),
    '/own': new OAuthError('invalid_request', 'say "\\" – not'),
  }
  const app = await serverWith(t, (server) => {
    server.setErrorHandler(sendOAuthError)
    for (const [path, failure] of Object.entries(failures)) {
      server.get(path, { schema: { response: { 200: Type.Null() } }, config: { access: { open: true } } }, async () => {
        throw failure
      })
    }
  })
  const get = async (path: string) => {
    const reply = await app.inject(path)
    return [reply.statusCode, reply.headers['retry-after'], reply.json()]
  }
  t.match(await get('/429'), [429, '7', { error: 'temporarily_unavailable', error_description: 'Too many requests' }])
  t.match(await get('/503'), [503, '5', { error: 'temporarily_unavailable' }])
  t.match(await get('/500'), [500, undefined, { error: 'server_error', error_description: 'Internal error' }])
  t.match(await get('/own'), [400, undefined, { error_description: "say '?' ? not" }])
})

t.test('a flood is told to wait in the same form', async (t) => {
  const test = await openTestApp(t, { RATE_LIMIT_REQUESTS: '1' })
  const mia = await person(test, 'Mia')
  await post(test, '/oauth/revoke', { token: await tokenFor(test, mia.id, mia.session) })
  const sent = await post(test, '/oauth/token', { grant_type: 'client_credentials' })
  holdsRefusal(t, sent, 'temporarily_unavailable', 'the second', 429)
  t.ok(sent.headers['retry-after'])
})
