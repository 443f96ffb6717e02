import { isIP } from 'node:net'
import { FormatRegistry, type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

/** The start cannot go on: the message is one sentence for the operator, without a secret in it, and no stack is worth printing. */
export class StartError extends Error {
  override readonly name: string = 'StartError'
}

/** A setting is missing or wrong: the message names the variable, what it got (unless secret) and what it wants. */
export class ConfigError extends StartError {
  override readonly name: string = 'ConfigError'
}

/** EdDSA by Ed25519 (RFC 8037), ES256 for verifiers that know no other (RFC 7518). */
export const signingAlgorithms = ['EdDSA', 'ES256'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** What a schema of this page carries beside JSON Schema's words; `wants` ends the sentence "it wants …". */
type Setting = { description: string; wants: string; secret?: true; defaultText?: string }

const text = (setting: Setting & { default?: string; format?: string }) => Type.String({ minLength: 1, ...setting })
const list = (setting: Setting & { format: string }) =>
  Type.Array(Type.String({ format: setting.format }), { ...setting, default: [] as string[], defaultText: 'none' })
const whole = (minimum: number, maximum: number, standard: number, description: string) =>
  Type.Integer({ minimum, maximum, default: standard, description, wants: `a whole number from ${minimum} to ${maximum}` })

const flag = (standard: boolean, description: string) => Type.Boolean({ default: standard, description, wants: '`true` or `false`' })

/** Every setting, in the order of the page. The variable `ACCESS_TOKEN_SECONDS` sets `accessTokenSeconds`. */
const settings = Type.Object({
  host: text({
    format: 'mandate-host',
    default: '127.0.0.1',
    description: 'The address to listen on.',
    wants: 'a host name or an IP address',
  }),
  port: whole(0, 65535, 3000, 'The port to listen on; with 0 the system chooses a free one.'),
  publicUrl: Type.Optional(
    text({
      format: 'mandate-origin',
      defaultText: '`http://HOST:PORT`',
      description: 'Where clients reach the service. It is the issuer and audience of access tokens and the base of links in mail.',
      wants: 'an http or https origin without a path, such as https://support.example',
    }),
  ),
  databaseUrl: Type.Optional(
    text({
      format: 'mandate-postgresql',
      secret: true,
      defaultText: 'the embedded database in `DATA_DIR`',
      description: 'The PostgreSQL database (15 or newer) to use instead of the embedded one.',
      wants: 'a URL such as postgres://user:password@host:5432/mandate',
    }),
  ),
  databasePooler: Type.Union([Type.Literal('none'), Type.Literal('transaction')], {
    default: 'none' as const,
    description:
      'What stands before PostgreSQL. With `transaction` (PgBouncer in that mode) no statement is kept by name, and the time limits of a connection are those of its role.',
    wants: 'one of none, transaction',
  }),
  databaseDirectUrl: Type.Optional(
    text({
      format: 'mandate-postgresql',
      secret: true,
      defaultText: '`DATABASE_URL`; required with `DATABASE_POOLER=transaction`',
      description: 'The same database past the pooler, for migrations and background work, which hold a session.',
      wants: 'a URL such as postgres://user:password@host:5432/mandate',
    }),
  ),
  databasePoolSize: whole(1, 200, 10, 'The number of connections to PostgreSQL this process may hold for requests.'),
  dataDir: text({
    default: './data',
    description: 'The folder of the embedded database, its secret key and outgoing mail. One process uses it at a time.',
    wants: 'the path of a folder',
  }),
  secretKey: Type.Optional(
    text({
      format: 'mandate-key',
      secret: true,
      defaultText: 'made on first start in `DATA_DIR`; required with `DATABASE_URL`',
      description: 'Protects signing keys at rest and signs cursors; every process on one database needs the same.',
      wants: '32 random bytes in base64, as `openssl rand -base64 32` makes them',
    }),
  ),
  logLevel: Type.Union(
    logLevels.map((level) => Type.Literal(level)),
    { default: 'info' as const, description: 'The least serious kind of line to log.', wants: `one of ${logLevels.join(', ')}` },
  ),
  trustProxy: list({
    format: 'mandate-network',
    description: 'The proxies whose `X-Forwarded-*` headers are believed.',
    wants: 'IP addresses or networks separated by commas, such as 10.0.0.0/8, ::1',
  }),
  corsOrigins: list({
    format: 'mandate-origin',
    description: 'The web origins whose pages may call the API from a browser.',
    wants: 'http or https origins separated by commas, such as https://panel.example',
  }),
  clientKeyUrls: list({
    format: 'mandate-key-url',
    description: 'The only addresses at which clients may publish their keys instead of registering each.',
    wants: 'https URLs separated by commas, such as https://panel.example/jwks.json',
  }),
  bodyLimitBytes: whole(1_024, 10_485_760, 65_536, 'The largest request body, in bytes.'),
  rateLimitRequests: whole(1, 1_000_000, 600, 'How many requests one caller may make within `RATE_LIMIT_SECONDS`.'),
  rateLimitSeconds: whole(1, 86_400, 60, 'The window of `RATE_LIMIT_REQUESTS`, in seconds.'),
  signingAlgorithm: Type.Union(
    signingAlgorithms.map((algorithm) => Type.Literal(algorithm)),
    {
      default: 'EdDSA' as const,
      description: 'How new signing keys sign. A key keeps its algorithm: a change counts from the next rotation on.',
      wants: `one of ${signingAlgorithms.join(', ')}`,
    },
  ),
  accessTokenSeconds: whole(60, 86_400, 600, 'The life of an access token.'),
  sessionHours: whole(1, 8_760, 12, 'The life of a session, however often its tokens are renewed.'),
  stepUpSeconds: whole(30, 86_400, 600, 'How fresh a sign-in must be for acts that alter authority.'),
  passwordHashMemoryKib: whole(19_456, 1_048_576, 19_456, 'The memory of one password hash (argon2id), in KiB.'),
  passwordHashPasses: whole(2, 20, 2, 'The passes of one password hash.'),
  proofMinutes: whole(5, 1_440, 60, 'The life of a link that proves a mail address.'),
  invitationDays: whole(1, 90, 14, 'The life of an invitation, and of a request for a grant that nobody answers.'),
  spentTokenDays: whole(1, 3_650, 30, 'How long a mailed token is kept after it was used or has expired; it opens nothing then.'),
  endedSessionDays: whole(1, 3_650, 30, 'How long the refresh and personal access tokens of a session are kept, useless, after its end.'),
  endedRequestDays: whole(
    1,
    3_650,
    90,
    'How long what a developer asked for is kept after it was answered, withdrawn or unanswered for long.',
  ),
  removedAddressDays: whole(1, 3_650, 30, 'How long a removed mail address is kept, so that its mailbox can still be told.'),
  grantDaysDefault: whole(1, 365, 90, 'The life of a grant whose end is not given.'),
  grantDaysMax: whole(1, 365, 365, 'The longest life of a grant.'),
  closedAccountDays: whole(
    0,
    3_650,
    90,
    'How long the owners of a closed account still read it, and write about bills and ownership; counts from the next closing on.',
  ),
  reopenDays: whole(0, 365, 14, 'How long after it was closed a ticket may be opened again.'),
  conformancePdp: flag(
    false,
    "Whether the AuthZEN working group's published scenario is served as a decision point of its own, at `/pdp/conformance`.",
  ),
  mailFrom: text({
    format: 'mandate-mailbox',
    default: 'mandate@localhost',
    description: 'The sender of outgoing mail.',
    wants: 'a mail address such as `support@example.com` or `Support <support@example.com>`',
  }),
  smtpUrl: Type.Optional(
    text({
      format: 'mandate-smtp',
      secret: true,
      defaultText: 'mails become files in `DATA_DIR`',
      description:
        'The mail server that takes outgoing mail. Its TLS is required and its certificate checked, except on this machine or with `?requireTls=false`, which takes no password.',
      wants: 'a URL such as smtp://user:password@mail.example:587 or smtps://mail.example',
    }),
  ),
})

type Settings = Static<typeof settings>
/**
 * The settings of one process, frozen. `publicUrl` is always there: it issues and takes the access tokens, and begins the links in mail.
 */
export type Config = { readonly [Key in keyof Settings]: Settings[Key] extends string[] ? readonly string[] : Settings[Key] } & {
  readonly publicUrl: string
}

const shapes = Object.entries(settings.properties).map(([key, schema]) => ({
  key,
  variable: key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
  schema: schema as unknown as TSchema & Setting,
}))

/**
 * Reads the settings from environment variables; a variable that is empty counts as not given.
 * @throws ConfigError for the first value that is wrong, a missing secret, or an unknown variable named `MANDATE_…`.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  refuseUnknown(env)
  const values = shapes.map(({ key, variable, schema }) => [key, read(variable, schema, env[variable])] as const)
  const config = Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Settings
  if (config.databaseUrl !== undefined && config.secretKey === undefined) {
    throw new ConfigError(`SECRET_KEY is not set, and DATABASE_URL is: it wants ${settings.properties.secretKey['wants']}.`)
  }
  if (config.databasePooler === 'transaction' && config.databaseDirectUrl === undefined) {
    throw new ConfigError(
      `DATABASE_DIRECT_URL is not set, and DATABASE_POOLER is: it wants ${settings.properties.databaseDirectUrl['wants']}.`,
    )
  }
  if (config.grantDaysDefault > config.grantDaysMax) {
    throw new ConfigError(`GRANT_DAYS_DEFAULT is ${config.grantDaysDefault}: it wants no more than GRANT_DAYS_MAX, ${config.grantDaysMax}.`)
  }
  // A port that is not chosen yet is in no link and no token; who listens on one for more than a trial says where it is reached.
  return Object.freeze({ publicUrl: config.port === 0 ? 'http://localhost' : originOf(config.host, config.port), ...config })
}

/** `http://host:port`, with an IPv6 address in brackets. */
export function originOf(host: string, port: number): string {
  return new URL(`http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`).origin
}

function read(variable: string, schema: TSchema & Setting, given: string | undefined): unknown {
  if (given === undefined || given === '') return Object.freeze(schema.default)
  const value = parse(schema, given)
  if (Value.Check(schema, value)) return Object.freeze(value)
  const shown = schema.secret ? 'has a value that is not shown' : `is ${JSON.stringify(given.slice(0, 100))}`
  throw new ConfigError(`${variable} ${shown}: it wants ${schema.wants}.`)
}

function parse(schema: TSchema, given: string): unknown {
  if (schema['type'] === 'integer') return /^-?\d{1,15}$/.test(given) ? Number(given) : given
  if (schema['type'] === 'boolean') return ['true', 'false'].includes(given) ? given === 'true' : given
  if (schema['type'] === 'array') return given.split(',').map((entry) => entry.trim())
  return given
}

function refuseUnknown(env: Readonly<Record<string, string | undefined>>): void {
  const unknown = Object.keys(env).find((name) => name.startsWith('MANDATE_'))
  if (unknown === undefined) return
  const meant = shapes.find(({ variable }) => variable === unknown.slice('MANDATE_'.length))
  throw new ConfigError(`${unknown} is not a setting: ${meant ? `the name is ${meant.variable}` : 'docs/configuration.md names them all'}.`)
}

const formats: Record<string, (value: string) => boolean> = {
  'mandate-host': isHost,
  'mandate-origin': (value) => /^https?:\/\//.test(value) && URL.canParse(value) && new URL(value).origin === value,
  'mandate-postgresql': (value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value),
  'mandate-key': (value) => /^[A-Za-z0-9+/]{43}=$/.test(value),
  'mandate-mailbox': (value) => /^([^<>\p{Cc}]+ <[^<>\s@]+@[^<>\s@]+>|[^<>\s@]+@[^<>\s@]+)$/u.test(value),
  'mandate-network': isNetwork,
  // Keys that could be changed on their way prove nothing; within the machine there is no way.
  'mandate-key-url': (value) => /^(https:\/\/|http:\/\/(127\.0\.0\.1|localhost)[:/])[^@#]+$/.test(value) && URL.canParse(value),
  'mandate-smtp': isMailServer,
}
for (const [name, check] of Object.entries(formats)) FormatRegistry.Set(name, check)

function isHost(value: string): boolean {
  return isIP(value) !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(value)
}

function isNetwork(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  if (prefix === undefined) return true
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)
}

/** What is not understood is refused: a mistyped option must not make the way less safe. A password never goes out in clear. */
function isMailServer(value: string): boolean {
  if (!/^smtps?:\/\//.test(value) || !URL.canParse(value)) return false
  const { protocol, hostname, pathname, search, hash, username, password } = new URL(value)
  const isPlain = (pathname === '' || pathname === '/') && hash === '' && isHost(hostname.replace(/^\[|\]$/g, ''))
  const options = protocol === 'smtps:' ? [''] : ['', '?requireTls=true', ...(username === '' ? ['?requireTls=false'] : [])]
  return isPlain && options.includes(search) && (username === '') === (password === '') && [username, password].every(isDecodable)
}

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined
  } catch {
    return false
  }
}

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  const rows = shapes.map(({ variable, schema }) => {
    const standard = schema.defaultText ?? `\`${schema.default}\``
    return `| \`${variable}\` | ${standard} | ${schema.description} It wants ${schema.wants}. |`
  })
  return `# Configuration

Settings come from environment variables, or from a file of them: \`node --env-file=mandate.env src/main.ts\`. They are read once, at
the start; a wrong value stops the start with a sentence that names it. An empty value counts as not given. This page is made from
the schema in \`src/config.ts\`.

| variable | default | meaning |
| --- | --- | --- |
${rows.join('\n')}
`
}
