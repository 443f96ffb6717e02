/** The house rules of docs/architecture.md that a machine can hold: who may import whom, and what a file may not contain. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** From the ground up. A file imports its own room or a lower floor; the rooms of one floor do not know each other. */
const floors = [
  ['problem', 'vocabulary', 'config', 'clock', 'id', 'hostname', 'address', 'txt', 'version'],
  ['database'],
  ['journal', 'jobs'],
  ['authority'],
  ['evidence', 'outbox'],
  ['http'],
  ['identity'],
  [
    'access-tokens',
    'accounts',
    'addresses',
    'audit',
    'bootstrap',
    'clients',
    'contacts',
    'decisions',
    'domains',
    'factors',
    'grants',
    'health',
    'invitations',
    'joining',
    'keys',
    'me',
    'oauth',
    'passwords',
    'provisioning',
    'retention',
    'sessions',
    'speakers',
    'staff',
    'support-codes',
    'tickets',
    'topics',
    'users',
  ],
  ['intake'],
  ['app'],
  ['service', 'cli'],
  ['main', 'describe', 'mandate'],
]

/** The processes: whatever none of them reaches is dead. */
const entries = ['main.ts', 'describe.ts', 'mandate.ts']

const longestFile = 150
/** Files that are longer for a reason, and how long they may become. */
const longer: Record<string, number> = {
  'authority/load.ts': 290, // one statement
  'config.ts': 290, // one schema, and what reads it
  'authority/facts.ts': 180, // the words the rule is told in
  'authority/judge.ts': 190,
  'database/tables.ts': 1_200, // one picture of what is stored
  'tickets/file.ts': 160, // one ticket, as it is written and as it is answered
  'tickets/routes.ts': 170,
  'tickets/store.ts': 250,
  'vocabulary.ts': 250, // one place for the closed word lists
}

/** Time is a parameter below these. */
const clocks = ['clock.ts', 'main.ts']

const root = fileURLToPath(new URL('../src', import.meta.url))
const files = globSync('**/*.ts', { cwd: root }).sort()
const sources = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))

/** What a file imports of ours, types and dynamic imports included, as paths below `src`. */
function importsOf(file: string, source = sources.get(file) as string): string[] {
  const found = source.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)
  return [...found].map((match) => relative(root, resolve(root, dirname(file), match[1] as string)))
}
const imports = new Map(files.map((file) => [file, importsOf(file)]))

/** `tickets` for tickets/open.ts, `config` for config.ts. */
const roomOf = (file: string) => file.split('/')[0]?.replace(/\.ts$/, '') as string
const floorOf = (file: string) => floors.findIndex((floor) => floor.includes(roomOf(file)))
/** The files of the ground floor are neighbours in one room. */
const isDownward = (from: string, to: string) =>
  roomOf(from) === roomOf(to) || floorOf(to) < floorOf(from) || (floorOf(from) === 0 && floorOf(to) === 0)

const tell = (problems: string[]) => problems.join('\n')

t.test('every file stands in a known room', async (t) => {
  t.equal(tell(files.filter((file) => floorOf(file) < 0)), '')
})

t.test('imports only go down: to the own room or a lower floor', async (t) => {
  t.ok(isDownward('tickets/open.ts', 'authority/decide.ts'))
  t.ok(isDownward('tickets/open.ts', 'tickets/store.ts'))
  t.ok(isDownward('address.ts', 'hostname.ts'))
  t.notOk(isDownward('tickets/open.ts', 'grants/store.ts'), 'features do not know each other')
  t.notOk(isDownward('database/open.ts', 'jobs/jobs.ts'))
  const upward = files.flatMap((from) => importsOf(from).flatMap((to) => (isDownward(from, to) ? [] : [`${from} imports ${to}`])))
  t.equal(tell(upward), '')
})

t.test('imports name files that exist', async (t) => {
  const missing = files.flatMap((from) => importsOf(from).flatMap((to) => (existsSync(join(root, to)) ? [] : [`${from} imports ${to}`])))
  t.equal(tell(missing), '')
})

t.test('no file reaches itself through its imports', async (t) => {
  const settled = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' > '))
    if (settled.has(file) || path.includes(file)) return
    for (const next of imports.get(file) ?? []) visit(next, [...path, file])
    settled.add(file)
  }
  for (const file of files) visit(file, [])
  t.equal(tell(circles), '')
})

t.test('every file is reached from a process', async (t) => {
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    for (const next of imports.get(file) ?? []) visit(next)
  }
  for (const entry of entries) visit(entry)
  t.equal(tell(files.filter((file) => !reached.has(file))), '')
})

t.test('there are no barrels and no default exports', async (t) => {
  const barrels = files.filter(
    (file) => basename(file) === 'index.ts' || /^export (\*|\{[^}]*\} from|default)/m.test(sources.get(file) as string),
  )
  t.equal(tell(barrels), '')
})

t.test('files are short', async (t) => {
  const lengths = files.map((file) => [file, (sources.get(file) as string).trimEnd().split('\n').length] as const)
  const long = lengths.flatMap(([file, lines]) => (lines <= (longer[file] ?? longestFile) ? [] : [`${file} has ${lines} lines`]))
  t.equal(tell(long), '')
  t.equal(tell(files.filter((file) => (sources.get(file) as string).trim() === '')), '', 'and none is empty')
  t.equal(
    tell(Object.keys(longer).filter((file) => !lengths.some(([name, lines]) => name === file && lines > longestFile))),
    '',
    'no exception is idle',
  )
})

t.test('nobody but the clock reads the time', async (t) => {
  const readers = files.filter((file) => !clocks.includes(file) && /\bnew Date\(\s*\)|\bDate\.now\b/.test(sources.get(file) as string))
  t.equal(tell(readers), '')
})

/**
 * Statements that build SQL and drop it. A drizzle builder sends nothing until it is awaited, and no linter knows: a line begins with
 * the database, and the one before does not ask for a value.
 */
function unsent(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ''))
  const statement =
    /(^|\n)[ \t]*(?:void )?(?:\w+\.)?(?:db|tx)\s*\.\s*(?:insert|update|delete|select|selectDistinct|execute|with|transaction)\b/g
  return [...code.matchAll(statement)].flatMap((match) => {
    const before = code.slice(0, match.index).trimEnd()
    return /(=>|[=(,[?:&|]|\b(return|await|yield))$/.test(before) ? [] : [match[0].trim()]
  })
}

t.test('every statement that is built is sent', async (t) => {
  t.strictSame(unsent('  await first()\n  db.insert(rows).values(row)\n'), ['db.insert'])
  t.strictSame(unsent('{\n  // no await\n  tx\n    .update(rows)\n    .set(row)\n}'), ['tx\n    .update'])
  t.strictSame(unsent('if (late) {\n  void opened.db.delete(rows)\n}'), ['void opened.db.delete'])
  t.strictSame(unsent('  await db.insert(rows)\n  return tx\n    .select()\n'), [])
  t.strictSame(unsent('const found =\n  db.select()\nwork(() =>\n  db.select())\nall([\n  db.select(),\n  db.select(),\n])'), [])
  t.strictSame(unsent('/* db.insert(rows) */\n// db.insert(rows)\n'), [])
  t.equal(tell(files.flatMap((file) => unsent(sources.get(file) as string).map((statement) => `${file}: ${statement}`))), '')
})
