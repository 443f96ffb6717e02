import { readFileSync } from 'node:fs'
import t from 'tap'
import { ConfigError, configurationPage, originOf, readConfig, StartError } from '../src/config.ts'

const secretKey = Buffer.alloc(32, 7).toString('base64')
const databaseUrl = 'postgres://mandate:hunter2@db.example:5432/mandate'

/** The sentence the operator reads. */
function refusal(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError && error instanceof StartError) return error.message
    throw error
  }
  return 'accepted'
}

t.test('without any variable the service is embedded, on loopback, with safe limits', async (t) => {
  const config = readConfig({ PATH: '/usr/bin', HOME: '/root' })
  t.match(config, { host: '127.0.0.1', port: 3000, publicUrl: 'http://127.0.0.1:3000', dataDir: './data', logLevel: 'info' })
  t.match(config, { accessTokenSeconds: 600, passwordHashMemoryKib: 19_456, passwordHashPasses: 2, bodyLimitBytes: 65_536 })
  t.notOk('databaseUrl' in config, 'no database is named')
  t.notOk('secretKey' in config, 'and there is no default secret')
})

t.test('behind a pooler migrations need a way past it', async (t) => {
  const pooled = { DATABASE_URL: databaseUrl, SECRET_KEY: secretKey, DATABASE_POOLER: 'transaction' }
  t.match(refusal(pooled), /^DATABASE_DIRECT_URL is not set, and DATABASE_POOLER is/)
  t.match(readConfig({ ...pooled, DATABASE_DIRECT_URL: databaseUrl }), { databasePooler: 'transaction', databaseDirectUrl: databaseUrl })
  t.equal(refusal({ DATABASE_POOLER: 'session' }), 'DATABASE_POOLER is "session": it wants one of none, transaction.')
})

t.test('a configuration cannot be changed once read', async (t) => {
  for (const config of [readConfig({}), readConfig({ TRUST_PROXY: '10.0.0.1', CORS_ORIGINS: 'https://a.example' })]) {
    t.ok(Object.isFrozen(config))
    t.ok(Object.isFrozen(config.trustProxy))
    t.ok(Object.isFrozen(config.corsOrigins))
  }
})

t.test('every kind of value is read as what it is', async (t) => {
  const config = readConfig({
    HOST: '::1',
    PORT: '8080',
    DATABASE_URL: databaseUrl,
    SECRET_KEY: secretKey,
    LOG_LEVEL: 'warn',
    TRUST_PROXY: '10.0.0.0/8, fd00::/8,192.0.2.1',
    CORS_ORIGINS: 'https://panel.example,http://localhost:5173',
    MAIL_FROM: 'Support <support@example.com>',
    CONFORMANCE_PDP: 'true',
  })
  t.match(config, { port: 8080, databaseUrl, secretKey, logLevel: 'warn', mailFrom: 'Support <support@example.com>' })
  t.equal(config.publicUrl, 'http://[::1]:8080', 'an IPv6 address is bracketed')
  t.strictSame(config.trustProxy, ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'])
  t.strictSame(config.corsOrigins, ['https://panel.example', 'http://localhost:5173'])
  t.strictSame([config.conformancePdp, readConfig({ CONFORMANCE_PDP: 'false' }).conformancePdp], [true, false])
})

t.test('an empty variable counts as not given', async (t) => {
  t.strictSame(readConfig({ PORT: '', DATABASE_URL: '', SECRET_KEY: '', TRUST_PROXY: '' }), readConfig({}))
})

t.test('the public URL is the given one, and a guess while the port is open', async (t) => {
  t.equal(readConfig({ PUBLIC_URL: 'https://support.example' }).publicUrl, 'https://support.example')
  t.equal(readConfig({ PUBLIC_URL: 'https://support.example', PORT: '0' }).publicUrl, 'https://support.example')
  t.equal(readConfig({ PORT: '0' }).publicUrl, 'http://localhost', 'nobody knows the port yet')
  t.equal(originOf('127.0.0.1', 40_123), 'http://127.0.0.1:40123')
  t.equal(originOf('localhost', 80), 'http://localhost', 'an origin names no standard port')
})

t.test('a wrong value is refused by one sentence that names the variable, what it got and what it wants', async (t) => {
  const wrong: [string, string, string][] = [
    ['HOST', 'two words', 'a host name or an IP address'],
    ['PORT', '80a', 'a whole number from 0 to 65535'],
    ['PORT', '-1', 'a whole number from 0 to 65535'],
    ['PORT', '65536', 'a whole number from 0 to 65535'],
    ['PORT', '1e3', 'a whole number from 0 to 65535'],
    ['PUBLIC_URL', 'support.example', 'an http or https origin without a path, such as https://support.example'],
    ['PUBLIC_URL', 'https://support.example/', 'an http or https origin without a path, such as https://support.example'],
    ['PUBLIC_URL', 'http://', 'an http or https origin without a path, such as https://support.example'],
    ['LOG_LEVEL', 'loud', 'one of fatal, error, warn, info, debug, trace, silent'],
    ['TRUST_PROXY', '10.0.0.0/33', 'IP addresses or networks separated by commas, such as 10.0.0.0/8, ::1'],
    ['TRUST_PROXY', '::/129', 'IP addresses or networks separated by commas, such as 10.0.0.0/8, ::1'],
    ['TRUST_PROXY', '10.0.0.0/8/8', 'IP addresses or networks separated by commas, such as 10.0.0.0/8, ::1'],
    ['TRUST_PROXY', '10.0.0.0/x', 'IP addresses or networks separated by commas, such as 10.0.0.0/8, ::1'],
    ['TRUST_PROXY', 'proxy.example', 'IP addresses or networks separated by commas, such as 10.0.0.0/8, ::1'],
    ['CORS_ORIGINS', '*', 'http or https origins separated by commas, such as https://panel.example'],
    ['ACCESS_TOKEN_SECONDS', '86401', 'a whole number from 60 to 86400'],
    ['PASSWORD_HASH_MEMORY_KIB', '19455', 'a whole number from 19456 to 1048576'],
    ['GRANT_DAYS_MAX', '366', 'a whole number from 1 to 365'],
    ['PASSWORD_HASH_PASSES', '1', 'a whole number from 2 to 20'],
    ['SIGNING_ALGORITHM', 'RS256', 'one of EdDSA, ES256'],
    ['CONFORMANCE_PDP', 'yes', '`true` or `false`'],
    ['MAIL_FROM', 'nobody', 'a mail address such as `support@example.com` or `Support <support@example.com>`'],
    ['MAIL_FROM', 'A\nBcc: b@c.example <a@b.example>', 'a mail address such as `support@example.com` or `Support <support@example.com>`'],
  ]
  for (const [variable, value, wants] of wrong) {
    t.equal(refusal({ [variable]: value }), `${variable} is ${JSON.stringify(value)}: it wants ${wants}.`)
  }
})

t.test('a secret is never repeated in a refusal', async (t) => {
  t.equal(
    refusal({ DATABASE_URL: 'mysql://mandate:hunter2@db.example/mandate', SECRET_KEY: secretKey }),
    'DATABASE_URL has a value that is not shown: it wants a URL such as postgres://user:password@host:5432/mandate.',
  )
  t.equal(
    refusal({ SECRET_KEY: 'hunter2' }),
    'SECRET_KEY has a value that is not shown: it wants 32 random bytes in base64, as `openssl rand -base64 32` makes them.',
  )
})

t.test('a mail server is a URL whose every part is understood, and no password goes out in clear', async (t) => {
  const right = [
    'smtp://mail.example',
    'smtp://mail.example:25/',
    'smtps://user:pass%20word@mail.example:465',
    'smtp://user%40mail.example:p%C3%A4ss@[fd00::1]:587',
    'smtp://user:pass@mail.example?requireTls=true',
    'smtp://192.0.2.1?requireTls=false',
    'smtp://user:pass@localhost:1025',
  ]
  for (const value of right) t.equal(readConfig({ SMTP_URL: value }).smtpUrl, value)
  const wrong = [
    'mail.example',
    'http://mail.example',
    'smtp://',
    'smtp://mail.example:587000',
    'smtp://two words',
    'smtp://mail.example/path',
    'smtp://mail.example#part',
    'smtp://mail.example?requireTLS=false',
    'smtp://mail.example?tls.rejectUnauthorized=false',
    'smtps://mail.example?requireTls=false',
    'smtp://hunter2@mail.example',
    'smtp://:hunter2@mail.example',
    'smtp://user:hunter2@mail.example?requireTls=false',
    'smtp://user:hunter2%zz@mail.example',
    'smtp://user%ff:hunter2@mail.example',
  ]
  for (const value of wrong) {
    t.equal(
      refusal({ SMTP_URL: value }),
      'SMTP_URL has a value that is not shown: it wants a URL such as smtp://user:password@mail.example:587 or smtps://mail.example.',
      value,
    )
  }
})

t.test('PostgreSQL without a secret key stops the start', async (t) => {
  t.equal(
    refusal({ DATABASE_URL: databaseUrl }),
    'SECRET_KEY is not set, and DATABASE_URL is: it wants 32 random bytes in base64, as `openssl rand -base64 32` makes them.',
  )
})

t.test('a default life of grants beyond the longest is refused', async (t) => {
  t.equal(
    refusal({ GRANT_DAYS_DEFAULT: '31', GRANT_DAYS_MAX: '30' }),
    'GRANT_DAYS_DEFAULT is 31: it wants no more than GRANT_DAYS_MAX, 30.',
  )
  t.equal(refusal({ GRANT_DAYS_DEFAULT: '30', GRANT_DAYS_MAX: '30' }), 'accepted')
})

t.test('a mistyped variable is refused rather than ignored', async (t) => {
  t.equal(refusal({ MANDATE_PORT: '80' }), 'MANDATE_PORT is not a setting: the name is PORT.')
  t.equal(refusal({ MANDATE_COLOUR: 'red' }), 'MANDATE_COLOUR is not a setting: docs/configuration.md names them all.')
})

t.test('the page names every setting and is the one in docs', async (t) => {
  const page = configurationPage()
  for (const key of Object.keys(readConfig({ DATABASE_URL: databaseUrl, SECRET_KEY: secretKey }))) {
    t.match(page, `| \`${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}\` |`)
  }
  t.equal(readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8'), page)
})
