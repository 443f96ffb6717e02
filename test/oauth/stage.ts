/** A control panel as our tests play it: its keys, what it signs, and what it sends to the token endpoint. */
import { createHash } from 'node:crypto'
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { createApp } from '../../src/app.ts'
import { clients, subjects } from '../../src/database/tables.ts'
import { openKeys } from '../../src/http/keys.ts'
import { accountActions, type ClientScope } from '../../src/vocabulary.ts'
import { issuer, type Sent, send, type TestApp } from '../fixtures/app.ts'
import type { Person } from '../fixtures/cast.ts'
import { respelt } from '../fixtures/hostile-tokens.ts'

export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

type Params = Record<string, string>

/** Sends a form; as text it goes out as it is. */
export async function post(test: Pick<TestApp, 'app'>, path: string, params: Params | string, headers: Params = {}): Promise<Sent> {
  const payload = typeof params === 'string' ? params : new URLSearchParams(params).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const reply = await test.app.inject({ method: 'POST', url: path, headers: { ...type, ...headers }, payload })
  const text = reply.body
  const isJson = String(reply.headers['content-type'] ?? '').includes('json')
  return { status: reply.statusCode, headers: reply.headers, text, body: isJson ? JSON.parse(text) : undefined }
}

export type Algorithm = 'EdDSA' | 'ES256' | 'RS256'

export type Pair = { privateKey: CryptoKey; jwk: JWK; alg: Algorithm; kid: string }

export async function keyPair(alg: Algorithm = 'EdDSA', modulusLength = 2048): Promise<Pair> {
  const options = { extractable: true, ...(alg === 'EdDSA' ? { crv: 'Ed25519' } : { modulusLength }) }
  const { publicKey, privateKey } = await generateKeyPair(alg, options)
  const kid = `${alg}-${uuid()}`
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid }, alg, kid }
}

/** What is changed about an assertion that would be right; a claim or header that is undefined is left out. */
export type Changes = { claims?: object; header?: object; by?: Pair }

export type Panel = { id: string; realm: string; pair: Pair; secret: string }

/** A registered client with a key and a secret, written as registering writes it. */
export async function panel(
  test: TestApp,
  {
    realm = `https://${uuid()}.panel.example`,
    mayStepUp = false,
    scopes = [...accountActions, 'self.read', 'staff.provision'] as ClientScope[],
  } = {},
): Promise<Panel> {
  const pair = await keyPair()
  const made = { id: uuid(), realm, pair, secret: `cs_${uuid()}` }
  await test.context.db.insert(clients).values({
    id: made.id,
    name: `Panel ${made.id}`,
    realm,
    scopes,
    mayStepUp,
    keys: [{ ...pair.jwk, alg: 'EdDSA', use: 'sig' }],
    secretHash: createHash('sha256').update(made.secret).digest(),
    createdAt: new Date(test.clock.now()),
  })
  return made
}

/** Ties a user to the realm of a panel, as provisioning does. */
export async function tie(test: TestApp, { realm }: Panel, { id }: Person, subject: string = uuid()): Promise<string> {
  await test.context.db.insert(subjects).values({ issuer: realm, subject, userId: id, createdAt: new Date(test.clock.now()) })
  return subject
}

const defined = (members: object) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

function signed(
  pair: Pair,
  claims: JWTPayload,
  header: object,
  { claims: others = {}, header: otherHeader = {}, by = pair }: Changes,
): Promise<string> {
  const protectedHeader = defined({ alg: by.alg, kid: by.kid, ...header, ...otherHeader }) as { alg: string }
  return new SignJWT(defined({ ...claims, ...others }) as JWTPayload).setProtectedHeader(protectedHeader).sign(by.privateKey)
}

/** How a client proves itself by `private_key_jwt`. */
export function clientAssertion(test: TestApp, { id, pair }: Panel, changes: Changes = {}): Promise<string> {
  const iat = Math.floor(test.clock.now() / 1000)
  return signed(pair, { iss: id, sub: id, aud: issuer, iat, exp: iat + 60, jti: uuid() }, { typ: 'client-authentication+jwt' }, changes)
}

/** What a panel says of its user. */
export function userAssertion(test: TestApp, { realm, pair }: Panel, subject: string, changes: Changes = {}): Promise<string> {
  const iat = Math.floor(test.clock.now() / 1000)
  const claims = { iss: realm, sub: subject, aud: issuer, iat, exp: iat + 120, jti: uuid(), auth_time: iat - 30, amr: ['pwd'] }
  return signed(pair, claims, { typ: 'authorization-grant+jwt' }, changes)
}

export async function proof(test: TestApp, by: Panel): Promise<Params> {
  return { client_assertion_type: assertionType, client_assertion: await clientAssertion(test, by) }
}

/** The answer to a panel that asks for a token for its user. */
export async function askForUser(test: TestApp, by: Panel, subject: string, changes: Changes = {}): Promise<Sent> {
  const assertion = await userAssertion(test, by, subject, changes)
  return post(test, '/oauth/token', { grant_type: jwtBearer, assertion, ...(await proof(test, by)) })
}

/** An access token of a panel for its user. */
export async function panelToken(test: TestApp, by: Panel, subject: string): Promise<string> {
  return (await askForUser(test, by, subject)).body.access_token
}

/** An access token of a client for itself. */
export async function clientToken(test: TestApp, by: Panel): Promise<string> {
  return (await post(test, '/oauth/token', { grant_type: 'client_credentials', ...(await proof(test, by)) })).body.access_token
}

type Detail = { account: string; domains?: string[]; actions?: string[]; grant?: string }

/** The answer to asking for a narrower token. */
export async function askToNarrow(test: TestApp, token: string, detail: Detail | unknown[], rest: Params = {}): Promise<Sent> {
  const details = Array.isArray(detail) ? detail : [{ type: 'helpdesk_authority', domains: [], actions: ['ticket.read'], ...detail }]
  return post(test, '/oauth/token', {
    grant_type: tokenExchange,
    subject_token: token,
    subject_token_type: accessTokenType,
    authorization_details: JSON.stringify(details),
    ...rest,
  })
}

/** A personal access token, made through the API by somebody who has just signed in. */
export async function personalToken(
  test: TestApp,
  token: string,
  detail: Detail & { name?: string; expiresAt?: string },
): Promise<{ id: string; secret: string }> {
  const expiresAt = new Date(test.clock.now() + 30 * 86_400_000).toISOString()
  const body = { name: 'Tool', domains: [], actions: ['ticket.read'], expiresAt, ...detail }
  const made = await send(test, 'POST', '/v1/access-tokens', { token, body })
  return { id: made.body.accessToken.id, secret: made.body.secret }
}

/** What an access token says, without asking whether it is right. */
export function claimsIn(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
}

/** Another process's application on the same database. */
export async function anotherApp(t: Pick<Test, 'teardown'>, test: TestApp): Promise<TestApp> {
  const secret = Buffer.from(String(test.config.secretKey), 'base64')
  const keys = await openKeys(test.context.db, secret, issuer, test.clock.now())
  const app = await createApp({ context: test.context, keys, ready: () => test.opened.ready(), secret, logger: false })
  t.teardown(() => app.close())
  return { ...test, app, keys }
}

type Forgery = { jwt: string; what: string }

/** Everything that is wrong with an assertion, whatever it is for: `make` signs it as its own kind, `life` is what its kind may live. */
export async function forgeries(test: TestApp, by: Panel, life: number, make: (changes: Changes) => Promise<string>): Promise<Forgery[]> {
  const now = Math.floor(test.clock.now() / 1000)
  const stranger = await keyPair()
  const good = await make({})
  const [head, body, signature] = good.split('.') as [string, string, string]
  const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  const header = JSON.parse(Buffer.from(head, 'base64url').toString())
  const publicBytes = Buffer.from(String(by.pair.jwk.x), 'base64url')
  const hmac = new SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256' }).sign(publicBytes)
  const changed: Record<string, Changes> = {
    'another key under its name': { by: { ...stranger, kid: by.pair.kid } },
    'another key with its own name': { by: stranger },
    'an embedded key': { by: stranger, header: { jwk: stranger.jwk } },
    'a key set elsewhere': { header: { jku: 'https://elsewhere.example/jwks' } },
    'an unknown kid': { header: { kid: 'unknown' } },
    'an access token’s typ': { header: { typ: 'at+jwt' } },
    'another audience': { claims: { aud: 'https://elsewhere.example' } },
    'the token endpoint as audience': { claims: { aud: `${issuer}/oauth/token` } },
    'an audience array': { claims: { aud: [issuer] } },
    'two audiences': { claims: { aud: [issuer, 'https://elsewhere.example'] } },
    'another issuer': { claims: { iss: 'https://elsewhere.example' } },
    expired: { claims: { iat: now - life, exp: now } },
    'a life too long': { claims: { exp: now + life + 1 } },
    'of the future': { claims: { iat: now + 30, exp: now + 40 } },
    'of the far future': { claims: { iat: now + 10 ** 9, exp: now + 10 ** 9 + 1 } },
    'iat beyond all times': { claims: { iat: 10 ** 300, exp: 10 ** 300 } },
    'not yet valid': { claims: { nbf: now + 30 } },
    'nbf as text': { claims: { nbf: String(now) } },
    'exp as text': { claims: { exp: String(now + 10) } },
    'iat as text': { claims: { iat: String(now) } },
    'a negative iat': { claims: { iat: -1, exp: 1 } },
    'jti a number': { claims: { jti: 7 } },
    'jti empty': { claims: { jti: '' } },
    'jti too long': { claims: { jti: 'j'.repeat(256) } },
    'jti with NUL': { claims: { jti: 'a\0b' } },
    'sub a list': { claims: { sub: [claims.sub] } },
    ...Object.fromEntries(Object.keys(claims).map((name) => [`no ${name}`, { claims: { [name]: undefined } }])),
  }
  const made = await Promise.all(Object.entries(changed).map(async ([what, changes]) => ({ what, jwt: await make(changes) })))
  const raw: Record<string, string> = {
    'no token': 'nonsense',
    'two parts': `${head}.${body}`,
    'four parts': `${good}.x`,
    'alg none': `${encode({ ...header, alg: 'none' })}.${body}.`,
    'alg none with a signature': `${encode({ ...header, alg: 'none' })}.${body}.${signature}`,
    'HS256 with the public key': await hmac,
    'a changed body': `${head}.${encode({ ...claims, jti: 'other' })}.${signature}`,
    'a body that is no JSON': `${head}.${encode('nonsense')}.${signature}`,
    'a body that is a list': `${head}.${encode([])}.${signature}`,
    'a body that is no UTF-8': `${head}.${Buffer.from([0xff, 0xfe]).toString('base64url')}.${signature}`,
    'a claim twice': await new CompactSign(Buffer.from(`${JSON.stringify(claims).slice(0, -1)},"jti":"again"}`))
      .setProtectedHeader(header)
      .sign(by.pair.privateKey),
    'a critical extension': await new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ ...header, crit: ['x'], x: 1 })
      .sign(by.pair.privateKey, { crit: { x: true } }),
    'padded base64': `${head}.${body}=.${signature}`,
    'a signature in another spelling': `${head}.${body}.${respelt(signature)}`,
  }
  return [...made, ...Object.entries(raw).map(([what, jwt]) => ({ what, jwt }))]
}
