/** No password, mailed secret, token or code is kept or told anywhere but where it belongs: every table, every job, every line of the log and every letter. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ensureBootstrapToken } from '../../src/bootstrap/token.ts'
import { settleRequests } from '../../src/grants/settle.ts'
import { codeOf, factorsPath, wrongCodeOf } from '../factors/stage.ts'
import { send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { givePassword, password as known } from '../fixtures/passwords.ts'
import { post as postForm } from '../oauth/stage.ts'
import { openCage } from './cage.ts'

t.test('U5: canaries sing nowhere: passwords, mailed proofs, invitations and offers', async (t) => {
  const { test, app, canary, password, post, deliver, mailed, signIn, search } = await openCage(t)

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
  await deliver()

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
  await deliver()
  await send({ app }, 'DELETE', '/v1/sessions/current', { token: olga })

  await search()
})

t.test('U5: nor do codes, declined offers, and what a person or a service proves itself with', async (t) => {
  const { test, app, canary, password, post, deliver, mailed, signIn, search } = await openCage(t)
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const [olga, dan] = [await person(test, 'Olga Owner'), await person(test, 'Dan Developer')]
  const ada = await staff(test, 'Ada Admin', 'admin')
  const owner = await contact(test, a, olga, 'owner')
  await grant(test, a, owner, dan, [d], { actions: ['ticket.create'] })
  const path = `/v1/accounts/${a.id}`

  const asked = { account: a.number, domains: [d.name], actions: ['ticket.read'] }
  const former = canary((await post(`${path}/request-code`, 201, {}, olga.token)).code)
  const code = canary((await post(`${path}/request-code`, 201, {}, olga.token)).code)
  for (const requestCode of [former, code, canary(randomBytes(24).toString('base64url'))])
    await post('/v1/grant-requests', 202, { ...asked, requestCode }, dan.token)
  await test.jobs.drain('grant-requests', settleRequests(test.context))
  await post('/v1/grant-requests', 202, { ...asked, requestCode: canary(randomBytes(24).toString('base64url')) }, dan.token)

  const spoken = (digits: string): string => {
    canary(digits.replace(' ', ''))
    return canary(digits)
  }
  const replaced = spoken((await post(`${path}/support-codes`, 201, { domain: d.name }, dan.token)).code)
  const told = spoken((await post(`${path}/support-codes`, 201, { domain: d.name }, dan.token)).code)
  spoken((await post(`${path}/support-codes`, 201, {}, olga.token)).code)
  await post('/v1/support-codes/verify', 422, { account: a.number, code: replaced }, ada.token)
  await post('/v1/support-codes/verify', 200, { account: a.number, code: told }, ada.token)

  await deliver()
  const offer = { grantee: { address: 'new@agency.example' }, domains: [d.name], actions: ['ticket.read'] }
  await post(`${path}/grants`, 201, offer, olga.token)
  const offered = await mailed()
  await post('/v1/invitations/show', 200, { token: offered })
  await post('/v1/invitations/decline', 403, { token: canary(randomBytes(32).toString('base64url')) })
  await post('/v1/invitations/decline', 204, { token: offered })
  await post('/v1/invitations/decline', 403, { token: offered })
  await deliver()

  await givePassword(test, olga)
  await post('/v1/password-resets', 202, { address: olga.address })
  const reset = await mailed()
  const chosen = password('chosen')
  await post('/v1/password-resets/complete', 204, { token: reset, newPassword: chosen })
  await post('/v1/password-resets/complete', 403, { token: reset, newPassword: password('again') })
  await post('/v1/sessions', 401, { address: olga.address, password: known })
  const token = await signIn(olga.address, chosen)
  const { secret, uri, factor } = await post(`${factorsPath}/totp`, 201, {}, token)
  canary(uri)
  await post(`${factorsPath}/${factor.id}/confirm`, 422, { code: wrongCodeOf(canary(secret), test.clock.now()) }, token)
  const confirmed = await post(`${factorsPath}/${factor.id}/confirm`, 200, { code: codeOf(secret, test.clock.now()) }, token)
  for (const recovery of confirmed.recoveryCodes) canary(recovery)
  canary((await post('/v1/sessions', 201, { address: olga.address, password: chosen, code: confirmed.recoveryCodes[0] })).accessToken)

  const expiresAt = new Date(test.clock.now() + 86_400_000).toISOString()
  const tool = { name: 'Tool', account: a.number, domains: [d.name], actions: ['ticket.create'], expiresAt }
  const personal = canary((await post('/v1/access-tokens', 201, tool, dan.token)).secret)
  await send({ app }, 'GET', '/v1/me', { token: personal })
  await send({ app }, 'GET', '/v1/me', { token: canary(`${personal.slice(0, -1)}x`) })

  const service = { name: 'Panel', realm: 'https://panel.example', scopes: ['ticket.read'], secret: true }
  const made = await post('/v1/clients', 201, service, ada.token)
  const form = { grant_type: 'client_credentials', client_id: made.client.id }
  t.equal((await postForm({ app }, '/oauth/token', { ...form, client_secret: canary(password('no-secret')) })).status, 401)
  const proven = await postForm({ app }, '/oauth/token', { ...form, client_secret: canary(made.secret) })
  t.equal(proven.status, 200, proven.text)
  canary(proven.body.access_token)

  await search()
})
