import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { sql } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { chooseTransport } from '../../src/outbox/choose-transport.ts'
import { deliverMail } from '../../src/outbox/deliver.ts'
import { smtpTransport } from '../../src/outbox/smtp.ts'
import { Undeliverable } from '../../src/outbox/transport.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { quiet } from '../fixtures/database.ts'
import { password } from '../fixtures/passwords.ts'
import { login, mailServer, oddServer } from './mail-server.ts'

const secret = 'a'.repeat(43)
const letter = { to: 'anna@shop.example', subject: 'Prüfung', text: `Your token:\n\n${secret}\n`, at: Date.UTC(2026, 10, 22, 4, 5, 6) }
const from = 'Support Büro <support@provider.example>'

/** What sending through a URL comes to. */
async function attempt(url: string, timeouts = {}): Promise<Error | undefined> {
  return smtpTransport(url, from, timeouts)
    .send(letter)
    .then(
      () => undefined,
      (error: Error) => error,
    )
}

t.test('a mail is handed over as its file would read, to its one recipient', async (t) => {
  const server = await mailServer(t)
  await smtpTransport(`smtp://127.0.0.1:${server.port}`, from).send(letter)
  const [one, ...others] = server.received
  t.equal(others.length, 0)
  t.match(one, { from: 'support@provider.example', to: ['anna@shop.example'], user: false })
  t.match(one?.mail, { subject: letter.subject, text: letter.text, from: { name: 'Support Büro', address: 'support@provider.example' } })
  t.equal(Date.parse(one?.mail.date ?? ''), letter.at)
  const header = (name: string) => one?.mail.headers.find(({ key }) => key === name)?.value
  t.equal(header('auto-submitted'), 'auto-generated', 'so that no machine answers it')
  t.equal(header('x-auto-response-suppress'), 'All')
  t.equal(header('return-path'), undefined, 'who delivers it writes that (RFC 5321, section 4.4)')
})

t.test('credentials of the URL are shown, and what is wrong with them is told without them', async (t) => {
  const server = await mailServer(t, { authOptional: false })
  await smtpTransport(`smtp://${login.inUrl}@127.0.0.1:${server.port}`, from).send(letter)
  t.match(server.received, [{ user: login.user, tls: true }])
  const error = await attempt(`smtp://mandate%40relay:wrong-secret@127.0.0.1:${server.port}`)
  t.equal(error?.message, 'the mail server answered 535 at AUTH PLAIN')
  t.notOk(error instanceof Undeliverable, 'the operator can mend it')
  t.match(await attempt(`smtp://127.0.0.1:${server.port}`), { message: 'the mail server answered 530 at MAIL FROM' })
  t.equal(server.received.length, 1)
})

t.test('on this machine TLS is used when offered; elsewhere it is required unless told otherwise', async (t) => {
  const plain = await mailServer(t, { hideSTARTTLS: true, disabledCommands: ['STARTTLS'] })
  const unvouched = await mailServer(t)
  const wrapped = await mailServer(t, { secure: true })
  const taken: [url: string, tls: boolean, server: typeof plain][] = [
    [`smtp://127.0.0.1:${plain.port}`, false, plain],
    [`smtp://localhost:${plain.port}`, false, plain],
    [`smtp://127.0.0.1:${unvouched.port}`, true, unvouched],
    [`smtps://127.0.0.1:${wrapped.port}`, true, wrapped],
    [`smtp://0.0.0.0:${plain.port}?requireTls=false`, false, plain],
    [`smtp://0.0.0.0:${unvouched.port}?requireTls=false`, true, unvouched],
  ]
  for (const [url, secure, { received }] of taken) {
    t.equal((await attempt(url))?.message, undefined, url)
    t.match(received.splice(0), [{ tls: secure }])
  }
  const refused = [
    `smtp://0.0.0.0:${plain.port}`,
    `smtp://127.0.0.1:${plain.port}?requireTls=true`,
    `smtp://0.0.0.0:${unvouched.port}`,
    `smtp://127.0.0.1:${unvouched.port}?requireTls=true`,
    `smtps://0.0.0.0:${wrapped.port}`,
  ]
  for (const url of refused) {
    const error = await attempt(url)
    t.match(error, { message: /^the mail server (could not be used: .*certificate|answered \d{3} at STARTTLS)/ }, url)
    t.notOk(error instanceof Undeliverable)
  }
  t.strictSame([...plain.received, ...unvouched.received, ...wrapped.received], [], 'and nothing was sent in clear')
})

t.test('a certificate that is vouched for satisfies the requirement', async (t) => {
  const folder = temporary(t)
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost']
  const { status } = spawnSync('openssl', [...made, '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert])
  if (status !== 0) return t.comment('SKIPPED: there is no openssl to make a certificate with')
  const server = await mailServer(t, { key: readFileSync(key), cert: readFileSync(cert) })
  const before = tls.getCACertificates('default')
  t.teardown(() => tls.setDefaultCACertificates(before))
  tls.setDefaultCACertificates([readFileSync(cert, 'utf8')])
  t.equal((await attempt(`smtp://localhost:${server.port}?requireTls=true`))?.message, undefined)
  t.match(server.received, [{ tls: true }])
})

t.test('what is refused for good is told from what may pass, by its codes alone', async (t) => {
  const server = await mailServer(t)
  const cases: [command: 'MAIL FROM' | 'RCPT TO' | 'DATA', answer: string, codes: string, forGood: boolean][] = [
    ['RCPT TO', '550 5.1.1 <anna@shop.example> is unknown here', '550 5.1.1', true],
    ['RCPT TO', '554 relay access denied for anna@shop.example', '554', true],
    ['DATA', '552 5.2.2 anna is over quota', '552 5.2.2', true],
    ['RCPT TO', '450 4.2.1 come back later, anna', '450 4.2.1', false],
    ['DATA', '451 4.3.0 not now', '451 4.3.0', false],
    ['MAIL FROM', '550 5.7.1 not from you', '550 5.7.1', false],
  ]
  for (const [command, answer, codes, forGood] of cases) {
    server.answers[command] = answer
    const error = await attempt(`smtp://127.0.0.1:${server.port}`)
    t.equal(error?.message, `the mail server answered ${codes} at ${command}`)
    t.equal(error instanceof Undeliverable, forGood, `${answer}: ${forGood ? 'for good' : 'may pass'}`)
    delete server.answers[command]
  }
  t.equal(server.received.length, 0)
})

t.test('a server that is not there, says nothing or speaks something else is waited for only so long', async (t) => {
  const silent = await oddServer(t)
  const odd = await oddServer(t, 'HELLO anna@shop.example\r\n')
  const busy = await oddServer(t, '421 4.3.2 too busy\r\n')
  t.match(await attempt(`smtp://127.0.0.1:${silent}`, { greetingTimeout: 50 }), { message: /could not be used: Greeting never received/ })
  t.match(await attempt(`smtp://127.0.0.1:${odd}`), { message: 'the mail server answered no code of SMTP at CONN' })
  t.match(await attempt(`smtp://[::1]:${silent}`), { message: /could not be used/ })
  t.match(await attempt(`smtp://127.0.0.1:${busy}`), { message: 'the mail server answered 421 4.3.2 at CONN' })
  for (const url of ['smtp://mail.invalid', 'smtps://mail.invalid'])
    t.match(await attempt(url, { dnsTimeout: 2_000 }), { message: /could not be used/ })
})

t.test('a letter that may pass is tried again, one refused for good is not, and the log names nobody', async (t) => {
  const test = await openTestApp(t)
  const { jobs, context } = test
  const server = await mailServer(t)
  const lines: string[] = []
  const keep = (...line: unknown[]) => lines.push(JSON.stringify(line))
  const transport = smtpTransport(`smtp://127.0.0.1:${server.port}`, from)
  const drain = () => jobs.drain('mail', deliverMail(context, transport, { info: keep, warn: keep, error: keep }))
  const signUp = (address: string) => send(test, 'POST', '/v1/users', { body: { name: 'Anna', address, password } })
  const states = async () =>
    (await context.db.execute(sql`select state::text from pgboss.job where name = 'mail' order by created_on`)).rows

  server.answers['RCPT TO'] = '450 4.2.1 anna@shop.example: later'
  await signUp('anna@shop.example')
  await t.rejects(drain(), { message: 'the mail server answered 450 4.2.1 at RCPT TO' })
  t.strictSame(await states(), [{ state: 'retry' }])
  delete server.answers['RCPT TO']
  await context.db.execute(sql`update pgboss.job set start_after = now() - interval '1 second' where name = 'mail'`)
  t.equal(await drain(), 1)
  t.match(server.received, [{ to: ['anna@shop.example'] }])

  server.answers['RCPT TO'] = '550 5.1.1 <bert@shop.example>: no such user'
  await signUp('bert@shop.example')
  t.equal(await drain(), 1)
  t.strictSame(await states(), [{ state: 'completed' }, { state: 'completed' }])
  t.equal(server.received.length, 1)
  t.match(lines.at(-1), /"outcome":"refused","reason":"the mail server answered 550 5.1.1 at RCPT TO"/)
  t.notMatch(lines.join(), /shop\.example/)
})

t.test('SMTP_URL chooses the mail server, and without it mails become files', async (t) => {
  const dataDir = temporary(t)
  const server = await mailServer(t)
  await chooseTransport({ dataDir, mailFrom: from }, quiet).send(letter)
  t.equal(readdirSync(join(dataDir, 'mail')).length, 1)
  await chooseTransport({ dataDir, mailFrom: from, smtpUrl: `smtp://127.0.0.1:${server.port}` }, quiet).send(letter)
  t.equal(readdirSync(join(dataDir, 'mail')).length, 1)
  t.equal(server.received.length, 1)
})

function temporary(t: Pick<Test, 'teardown'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-smtp-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
