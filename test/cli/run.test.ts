import { readFileSync } from 'node:fs'
import { eq } from 'drizzle-orm'
import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { sentenceOf } from '../../src/cli/failure.ts'
import { StartError } from '../../src/config.ts'
import { journalEvents } from '../../src/database/tables.ts'
import { Problem } from '../../src/problem.ts'
import { send } from '../fixtures/app.ts'
import { person, staff, tokenFor } from '../fixtures/cast.ts'
import { serverUrl } from '../fixtures/database.ts'
import { openDesk } from './desk.ts'

t.test('the command line says what it can do, and what it does not understand', async (t) => {
  const desk = await openDesk(t)
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  t.equal(scripts.mandate, 'node src/mandate.ts')
  const help = await desk.spawn(['help'])
  t.match(help, { code: 0, err: '' })
  for (const name of ['admin:create', 'session:end-all', 'key:rotate', 'help', '--user ADDRESS']) t.ok(help.out.includes(name), name)
  t.strictSame(await desk.run([]), help, 'also when nothing is asked')
  for (const name of ['admin:delete', 'constructor', '__proto__']) {
    const err = 'There is no such command: `npm run mandate -- help` names them all.\n'
    t.strictSame(await desk.run([name]), { code: 1, out: '', err })
  }
  for (const args of [
    ['admin:create', '--password', 'hunter2'],
    ['key:rotate', 'hunter2'],
    ['session:end-all', '--user'],
    ['help', '-x'],
  ]) {
    const err = 'These arguments are not understood: `npm run mandate -- help` tells what each command takes.\n'
    t.strictSame(await desk.run(args), { code: 1, out: '', err }, 'without repeating them')
  }
})

t.test('a key made at the console signs from now on', async (t) => {
  const desk = await openDesk(t)
  const ada = await desk.within((test) => staff(test, 'Ada Admin', 'admin'))
  const said = await desk.spawn(['key:rotate'])
  t.match(said, { code: 0, err: '', out: /^The new key [0-9a-f-]{36} \(EdDSA\) signs from now on; tokens of the others are taken until/ })
  const kid = /[0-9a-f-]{36}/.exec(said.out)?.[0]
  const chosen = await openDeskRun(desk.env, { SIGNING_ALGORITHM: 'ES256' })
  t.match(chosen, /\(ES256\)/)
  await desk.within(async (test) => {
    t.equal((await send(test, 'GET', '/v1/audit-events', ada)).status, 200, 'a token of the former key is still taken')
    const { header, status } = await signedNow(test, ada)
    t.match({ header, status }, { header: { alg: 'ES256' }, status: 200 })
    const { body } = await send(test, 'GET', '/v1/keys', ada)
    t.match(
      body.items.map(({ signs }: { signs: boolean }) => signs),
      [true, false, false],
    )
    const events = await test.context.db.select().from(journalEvents).where(eq(journalEvents.kind, 'key.rotated'))
    t.equal(events.length, 2)
    t.ok(events.some(({ resourceId }) => resourceId === kid))
    for (const event of events) t.match(event, { actorUserId: null, capacity: null, requestId: 'console' })
  })

  async function openDeskRun(env: Readonly<Record<string, string>>, more: Record<string, string>): Promise<string> {
    Object.assign(env, more)
    const { out } = await desk.run(['key:rotate'])
    for (const name of Object.keys(more)) delete (env as Record<string, string>)[name]
    return out
  }

  async function signedNow(test: Parameters<Parameters<typeof desk.within>[0]>[0], who: typeof ada) {
    const token = await tokenFor(test, who.id, who.session)
    return { header: decodeProtectedHeader(token), status: (await send(test, 'GET', '/v1/me', { token })).status }
  }
})

t.test('while the service runs', async (t) => {
  const desk = await openDesk(t)
  await desk.within(async (test) => {
    const { token } = await person(test, 'Olga')
    const said = await desk.spawn(['session:end-all'])
    const { status } = await send(test, 'GET', '/v1/me', { token })
    if (serverUrl === undefined) {
      t.match(said, {
        code: 1,
        out: '',
        err: /^The data folder .* is in use by process \d+: stop it, run the command, and start it again\.\n$/,
      })
      t.equal(status, 200, 'the embedded database is its own alone')
    } else {
      t.match(said, { code: 0, out: '1 sessions and 0 personal access tokens were ended.\n' })
      t.equal(status, 401, 'PostgreSQL serves both, and what is done is seen at once')
    }
  })
})

t.test('settings and databases that cannot be used are told in one sentence, without their secrets', async (t) => {
  const desk = await openDesk(t)
  const env = desk.env as Record<string, string>
  Object.assign(env, { SECRET_KEY: Buffer.alloc(32).toString('base64'), DATABASE_URL: 'postgres://mandate:hunter2@127.0.0.1:1/mandate' })
  const lost = await desk.run(['session:end-all'])
  t.match(lost, { code: 1, out: '', err: /^The database at 127\.0\.0\.1:1\/mandate cannot be used: .*\.\n$/ })
  env['SECRET_KEY'] = 'hunter2'
  const wrong = await desk.run(['key:rotate'])
  t.match(wrong, { code: 1, out: '', err: /^SECRET_KEY has a value that is not shown: it wants .*\.\n$/ })
  t.notMatch(lost.err + wrong.err, 'hunter2')
})

t.test('every failure is a sentence that holds nothing of a statement', async (t) => {
  t.equal(sentenceOf(new StartError('So it is.')), 'So it is.')
  const cause = Object.assign(new Error('duplicate key (hunter2)'), { code: '23505' })
  const failed = Object.assign(new Error('Failed query: insert … hunter2', { cause }))
  t.equal(sentenceOf(failed), 'The command could not be finished (23505): run it again.')
  t.equal(sentenceOf(new TypeError('hunter2')), 'The command could not be finished (without a reason): run it again.')
  t.equal(sentenceOf(new Problem('unavailable', { detail: 'Too many sign-ins at once' })), 'Too many sign-ins at once.')
  const errors = [{ parameter: 'limit', in: 'query', detail: 'must be a number', code: 'type' }]
  t.equal(sentenceOf(new Problem('validation_error', { members: { errors } })), 'The limit must be a number.')
})
