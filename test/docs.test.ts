/**
 * What the pages say about the code is compared with the code. Tables between `<!-- name -->` and `<!-- /name -->` are made from it;
 * `WRITE_DOCS=1` writes them anew.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import t from 'tap'
import { createApp } from '../src/app.ts'
import { isAccountWide, isDelegable, roleHolds, roleSpeaksAbout, staffHolds, topicsOfGrant } from '../src/authority/actions.ts'
import type { Context } from '../src/authority/context.ts'
import { ensureBootstrapToken } from '../src/bootstrap/token.ts'
import { systemClock } from '../src/clock.ts'
import { readConfig } from '../src/config.ts'
import { declaredRoutes } from '../src/http/authentication.ts'
import type { App } from '../src/http/feature.ts'
import type { Keys } from '../src/http/keys.ts'
import { describe } from '../src/http/openapi.ts'
import { problemCodes, problemKind } from '../src/problem.ts'
import { accountActions, actions, contactRoles, denyReasons, staffActions, staffRoles, topicKeys } from '../src/vocabulary.ts'
import { openTestApp, send } from './fixtures/app.ts'
import { person, staff } from './fixtures/cast.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const pages = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/*.md', { cwd: root }).sort()]
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const code = (word: string): string => `\`${word}\``
const tick = (holds: boolean): string => (holds ? 'yes' : '–')
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** The application without a database: describing its routes runs none of them. */
async function describedApp(): Promise<App> {
  const context = { clock: systemClock, config: readConfig({}) } as Context
  return createApp({ context, keys: {} as Keys, ready: async () => false, secret: Buffer.alloc(32), logger: false })
}

const app = await describedApp()
t.teardown(() => app.close())

function contactTable(): string {
  const rows = accountActions.map((action) => [
    code(action),
    ...contactRoles.map((role) => tick(roleHolds({ role, confirmed: true }, action))),
    isAccountWide(action) ? 'nothing' : 'his domains',
    tick(isDelegable(action)),
  ])
  return table(['action', ...contactRoles, 'limited', 'in a grant'], rows)
}

function topicTable(): string {
  const rows = topicKeys.map((topic) => [
    code(topic),
    ...contactRoles.map((role) => tick(roleSpeaksAbout(role, topic))),
    tick(topicsOfGrant(null).includes(topic)),
  ])
  return table(['topic', ...contactRoles, 'grants'], rows)
}

function staffTable(): string {
  return table(
    ['action', ...staffRoles],
    staffActions.map((action) => [code(action), ...staffRoles.map((role) => tick(staffHolds(role, action)))]),
  )
}

/** The words that no route asks for, so that nobody looks for one. */
function idleWords(): string {
  const asked = declaredRoutes(app).flatMap(({ access }) => ('open' in access ? [] : [access.action, access.staffAction]))
  const idle = actions.filter((action) => !asked.includes(action))
  return idle.length === 0 ? '' : `No route asks for these yet: ${idle.map(code).join(', ')}.`
}

function problemTable(): string {
  const rows = problemCodes.map((word) => [String(problemKind(word).status), code(word), problemKind(word).title])
  return table(['status', 'code', 'title'], rows)
}

type Operation = { summary?: string; security?: unknown[] }

function routeTable(): string {
  const { paths } = describe(app) as { paths: Record<string, Record<string, Operation>> }
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { summary = '', security }]) => {
      const token = security === undefined ? 'yes' : security.length === 0 ? 'no' : 'if there is one'
      return [code(`${method.toUpperCase()} ${path}`), token, summary]
    }),
  )
  return table(['route', 'token', 'what it does'], rows)
}

const made: Record<string, [page: string, content: () => string]> = {
  'contact actions': ['docs/authority.md', contactTable],
  topics: ['docs/authority.md', topicTable],
  'staff actions': ['docs/authority.md', staffTable],
  'words without a route': ['docs/authority.md', idleWords],
  problems: ['docs/api.md', problemTable],
  routes: ['docs/api.md', routeTable],
}

t.test('the tables of the pages are what the code says', async (t) => {
  for (const [name, [page, content]] of Object.entries(made)) {
    const text = read(page)
    const between = new RegExp(`(<!-- ${name} -->\n).*?(<!-- /${name} -->)`, 's')
    const wanted = text.replace(between, (_all, start, end) => `${start}\n${content()}\n\n${end}`)
    t.match(text, between, `${page} has a place for ${name}`)
    if (process.env['WRITE_DOCS'] !== undefined) writeFileSync(join(root, page), wanted)
    else t.equal(text, wanted, `${name} in ${page}; WRITE_DOCS=1 npm test -- test/docs.test.ts writes it anew`)
  }
})

t.test('the page on authority explains every reason, in the order in which they are given', async (t) => {
  const section = read('docs/authority.md').split('\n## Reasons\n')[1]?.split('\n## ')[0] ?? ''
  const reasons = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason)
  t.strictSame(reasons, [...denyReasons])
})

t.test('links lead to files that are there', async (t) => {
  for (const page of pages) {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, target]) => target as string)
    const broken = links.filter((target) => !existsSync(join(root, dirname(page), target)))
    t.strictSame(broken, [], page)
  }
})

t.test('files, folders, scripts and settings that a page names exist', async (t) => {
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts)
  const settings = new Set([...read('docs/configuration.md').matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name))
  /** Variables that are no settings of the service. */
  const others = [
    'FC_RUNS',
    'FC_SEED',
    'MODEL_RUNS',
    'RACE_ROUNDS',
    'RACE_WRITERS',
    'TEST_DATABASE_URL',
    'BENCH_DATABASE_URL',
    'TEST_LOG',
    'WRITE_DOCS',
    'POSTGRES_PASSWORD',
  ]
  for (const page of pages) {
    const text = read(page)
    const files = [...text.matchAll(/`((?:src|test|docs|migrations|openapi)\/[\w./-]*)`/g)].map(([, path]) => path as string)
    t.strictSame(
      files.filter((path) => !existsSync(join(root, path))),
      [],
      `${page}: files`,
    )
    const run = [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name as string)
    t.strictSame(
      run.filter((name) => !scripts.includes(name)),
      [],
      `${page}: scripts`,
    )
    const named = [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)[`=]/g)].map(([, name]) => name as string)
    t.strictSame(
      named.filter((name) => !settings.has(name) && !others.includes(name)),
      [],
      `${page}: settings`,
    )
  }
})

t.test('the folders and files that CONTRIBUTING puts on floors exist', async (t) => {
  const floors = read('CONTRIBUTING.md').split('\n## The floors\n')[1]?.split('\n## ')[0] ?? ''
  const named = [...floors.matchAll(/^\| (`[^|]*)/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name))
  t.ok(named.length > 15)
  t.strictSame(
    named.filter((name) => !existsSync(join(root, 'src', name as string))),
    [],
  )
})

/** The `sql` blocks of the operations page, by the heading above them. */
function sqlBelow(heading: string): string {
  const section = read('docs/operations.md').split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return /^```sql\n(.*?)^```$/ms.exec(section)?.[1] ?? ''
}

t.test('after the statement for a restore no session is left', async (t) => {
  const test = await openTestApp(t)
  const { token } = await person(test, 'Olga')
  t.equal((await send(test, 'GET', '/v1/me', { token })).status, 200)
  await test.context.db.execute(sql.raw(sqlBelow('Backup and restore')))
  t.equal((await send(test, 'GET', '/v1/me', { token })).status, 401)
})

t.test('after the statements for a lost admin the next start shows a token, and nobody is admin', async (t) => {
  const test = await openTestApp(t)
  const { token } = await staff(test, 'Ada', 'admin')
  t.equal((await send(test, 'GET', '/v1/audit-events', { token })).status, 200)
  t.equal(await ensureBootstrapToken(test.context), null)
  for (const statement of sqlBelow('When the last admin is lost').split(';\n').filter(Boolean)) {
    if (statement.startsWith('update')) await test.context.db.execute(sql.raw(statement))
  }
  t.equal((await send(test, 'GET', '/v1/audit-events', { token })).status, 403)
  t.type(await ensureBootstrapToken(test.context), 'string')
})

/** How many there are of each kind. */
const invariants = { D: 8, A: 7, T: 5, R: 8, C: 7, S: 7, K: 3, U: 5 }

t.test('every invariant of authority is on its page, and each test that the page names says so itself', async (t) => {
  const [, page = ''] = read('docs/authority.md').split(/<!-- \/?invariants -->/)
  const rows = [...page.matchAll(/^\| ([A-Z]\d) \| .+ \| (.+) \|$/gm)].map(([, word = '', files = '']) => ({ word, files }))
  const all = Object.entries(invariants).flatMap(([kind, many]) => Array.from({ length: many }, (_, index) => `${kind}${index + 1}`))
  t.strictSame(
    rows.map(({ word }) => word),
    all,
  )
  for (const { word, files } of rows) {
    for (const [, file] of files.matchAll(/`([^`]+)`/g))
      t.match(read(`test/${file}.test.ts`), new RegExp(`['"\`][^'"\`\\n]*\\b${word}\\b`), `${word} in ${file}`)
  }
})

t.test('every page is reached from the README', async (t) => {
  const reached = new Set(['README.md'])
  for (const page of reached) {
    for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:|#)([^)#]+\.md)(?:#[^)]*)?\)/g)) {
      reached.add(relative('.', join(dirname(page), target)))
    }
  }
  t.strictSame(
    pages.filter((page) => !reached.has(page)),
    [],
  )
})
