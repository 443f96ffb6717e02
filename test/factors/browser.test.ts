/**
 * Passkeys from end to end: a page in Chromium, with a virtual authenticator of its DevTools protocol, speaks to the service over a real
 * socket and hands `navigator.credentials` what the service says and the service what that gives.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import type { CDPSession, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { openTestApp, type TestApp } from '../fixtures/app.ts'
import { noBrowser, openBrowser } from '../fixtures/browser.ts'
import { person } from '../fixtures/cast.ts'
import { factorsPath } from './stage.ts'

/** All that a page needs. What the standard's own methods read and write is what goes over the wire. */
const script = `
  async function call(path, body, token) {
    const headers = { ...(body && { 'content-type': 'application/json' }), ...(token && { authorization: 'Bearer ' + token }) }
    const reply = await fetch(path, { method: 'POST', headers, ...(body && { body: JSON.stringify(body) }) })
    return { status: reply.status, body: await reply.json() }
  }
  async function create(token, alter) {
    const { body: { challengeId, publicKey } } = await call('${factorsPath}/passkeys/options', undefined, token)
    const options = PublicKeyCredential.parseCreationOptionsFromJSON({ ...publicKey, ...alter })
    const credential = (await navigator.credentials.create({ publicKey: options })).toJSON()
    return call('${factorsPath}/passkeys', { challengeId, credential, name: 'Browser' }, token)
  }
  async function answer(path, token, alter) {
    const { body: { challengeId, publicKey } } = await call(path, undefined, token)
    const options = PublicKeyCredential.parseRequestOptionsFromJSON({ ...publicKey, ...alter })
    return { challengeId, credential: (await navigator.credentials.get({ publicKey: options })).toJSON() }
  }
  const signIn = async (alter) => call('/v1/sessions/passkey', await answer('/v1/sessions/passkey/options', undefined, alter))
  const stepUp = async (token) =>
    call('/v1/sessions/step-up', { passkey: await answer('/v1/sessions/step-up/passkey/options', token) }, token)
`

/** One origin for the page and the service: the socket is there before the service is, whose settings name it. */
async function serve(t: Test): Promise<{ origin: string; test: TestApp }> {
  let test: TestApp | undefined
  const server: Server = createServer((request, reply) => {
    if (request.url !== '/page') return test?.app.server.emit('request', request, reply)
    return reply.setHeader('content-type', 'text/html').end(`<!doctype html><title>Passkeys</title><script>${script}</script>`)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  test = await openTestApp(t, { PUBLIC_URL: origin })
  return { origin, test }
}

async function openPage(t: Test, origin: string): Promise<{ page: Page; devtools: CDPSession; authenticatorId: string }> {
  const browser = await openBrowser(t)
  const page = await browser.newPage()
  await page.goto(`${origin}/page`)
  const devtools = await browser.newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return { page, devtools, authenticatorId }
}

t.test('passkeys in a real browser', { skip: noBrowser }, async (t) => {
  const { origin, test } = await serve(t)
  const { page, devtools, authenticatorId } = await openPage(t, origin)
  const anna = await person(test, 'Anna', {})
  const run = <T>(call: string): Promise<T> => page.evaluate(call)
  type Reply = { status: number; body: { [member: string]: string } & { factor?: object; recoveryCodes?: string[] } }
  const token = JSON.stringify(anna.token)

  const nobody = await run<string>(`signIn().then(() => 'signed in', (error) => error.name)`)
  t.equal(nobody, 'NotAllowedError', 'without a passkey the browser has nothing to show')

  const added = await run<Reply>(`create(${token})`)
  t.equal(added.status, 201)
  t.match(added.body.factor, { kind: 'passkey', name: 'Browser' })
  t.equal(added.body.recoveryCodes?.length, 10)

  const signedIn = await run<Reply>('signIn()')
  t.equal(signedIn.status, 201)
  t.match(signedIn.body, { user: { id: anna.id } })
  const access = String(signedIn.body['accessToken'])
  t.strictSame(decodeJwt(access)['amr'], ['hwk', 'user'])
  t.equal(decodeJwt(access).iss, origin)

  const steppedUp = await run<Reply>(`stepUp(${JSON.stringify(access)})`)
  t.equal(steppedUp.status, 200)
  const twice = await run<string>(`create(${JSON.stringify(access)}).then(({ status }) => String(status), (error) => error.name)`)
  t.equal(twice, 'InvalidStateError', 'the browser knows that this authenticator has one already')

  await t.test('a page that does not ask for the user to be verified gets nobody in', async (t) => {
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    t.match(await run<Reply>(`signIn({ userVerification: 'discouraged' })`), { status: 401, body: { code: 'unauthenticated' } })
    t.equal(await run<string>(`signIn().then(() => 'signed in', (error) => error.name)`), 'NotAllowedError')
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
    t.equal((await run<Reply>('signIn()')).status, 201)
  })

  await t.test('a copy of the authenticator is found out by its counter', async (t) => {
    const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId })
    const [copy] = credentials
    t.ok((copy?.signCount ?? 0) > 1, 'this authenticator counts')
    t.equal((await run<Reply>('signIn()')).status, 201)
    await devtools.send('WebAuthn.clearCredentials', { authenticatorId })
    await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: { ...(copy as NonNullable<typeof copy>), signCount: 0 } })
    t.match(await run<Reply>('signIn()'), { status: 401, body: { code: 'unauthenticated' } })
  })
})
