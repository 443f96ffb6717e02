/**
 * The back end of a control panel, as small as it can be. Nothing but Node.
 *
 *   node panel.js new-key   makes its key in KEY_FILE and prints the registration that an admin sends
 *   node panel.js           provisions, signs its user in, opens a ticket for him, and asks which buttons he may press
 *
 * HELPDESK: where the helpdesk is · REALM: what the panel calls itself · CLIENT_ID: from the registration · KEY_FILE
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'

const { HELPDESK, REALM = 'https://panel.example', CLIENT_ID, KEY_FILE = 'panel-key.pem' } = process.env

if (process.argv[2] === 'new-key') newKey()
else await demonstrate()

/** The private key stays here; the helpdesk gets the public one. */
function newKey() {
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(KEY_FILE, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const keys = [createPublicKey(privateKey).export({ format: 'jwk' })]
  const scopes = [
    'staff.provision',
    'self.read',
    'account.read',
    'domain.read',
    'ticket.create',
    'ticket.read',
    'ticket.reply',
    'ticket.close',
  ]
  console.log(JSON.stringify({ name: 'Panel', realm: REALM, scopes, keys }))
}

async function demonstrate() {
  // 1. The panel for itself: what it knows about a customer. Repeating it changes nothing, so it can simply be done each time.
  const own = await token({ grant_type: 'client_credentials' })
  const account = await call(own, 'PUT', '/v1/provisioning/accounts/4711', { name: 'Example Ltd' })
  const domain = await call(own, 'PUT', '/v1/provisioning/accounts/4711/domains/example.com', { name: 'example.com' })
  const olga = { subject: 'user-17', name: 'Olga Owner', role: 'owner' }
  const owner = await call(own, 'PUT', '/v1/provisioning/accounts/4711/contacts/user-17', olga)

  // 2. The panel for its user, who has just signed in there: he acts, and the panel is only where he does it.
  const hers = await token({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: userSignedIn('user-17') })
  const ticket = await call(hers, 'POST', '/v1/tickets', {
    account: account.number,
    domain: domain.name,
    topic: 'other',
    subject: 'The site is slow',
    message: 'Since this morning every page takes ten seconds.',
  })

  // 3. Which buttons may she press? One question for the whole page, with her own token. What is refused is greyed out.
  const aboutTicket = { resource: { type: 'ticket', id: ticket.id } }
  const aboutAccount = { resource: { type: 'account', id: account.id } }
  const buttons = {
    reply: { action: { name: 'ticket.reply' }, ...aboutTicket },
    close: { action: { name: 'ticket.close' }, ...aboutTicket },
    rename: { action: { name: 'account.update' }, ...aboutAccount },
  }
  const { evaluations } = await call(hers, 'POST', '/access/v1/evaluations', {
    subject: { type: 'user', id: owner.user },
    evaluations: Object.values(buttons),
  })
  const enabled = Object.fromEntries(Object.keys(buttons).map((button, index) => [button, evaluations[index].decision]))
  console.log(JSON.stringify({ ticket: ticket.number, account: account.number, enabled }))
}

/** A token for ten minutes. The panel proves itself by its key; no secret travels. */
async function token(grant) {
  const proof = jwt('client-authentication+jwt', { iss: CLIENT_ID, sub: CLIENT_ID }, 60)
  const clientProof = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: proof }
  const reply = await fetch(`${HELPDESK}/oauth/token`, { method: 'POST', body: new URLSearchParams({ ...grant, ...clientProof }) })
  return (await read(reply)).access_token
}

/** What the panel says of its user: its own stable id, never an address; when and how he signed in. */
function userSignedIn(subject) {
  return jwt('authorization-grant+jwt', { iss: REALM, sub: subject, auth_time: seconds() - 5, amr: ['pwd'] }, 120)
}

function jwt(typ, claims, life) {
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const times = { iat: seconds(), exp: seconds() + life, jti: randomUUID() }
  const signed = `${encode({ alg: 'EdDSA', typ })}.${encode({ aud: HELPDESK, ...times, ...claims })}`
  return `${signed}.${sign(null, Buffer.from(signed), createPrivateKey(readFileSync(KEY_FILE))).toString('base64url')}`
}

async function call(accessToken, method, path, body) {
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() }
  return read(await fetch(`${HELPDESK}${path}`, { method, headers, body: JSON.stringify(body) }))
}

/** Whatever is refused says why, in one form (RFC 9457; OAuth's own at the token endpoint). */
async function read(reply) {
  const body = await reply.json()
  if (!reply.ok) throw new Error(`${reply.status} ${JSON.stringify(body)}`)
  return body
}

function seconds() {
  return Math.floor(Date.now() / 1000)
}
