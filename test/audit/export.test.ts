import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { eq, sql } from 'drizzle-orm'
import t from 'tap'
import { eventsInBatch, exportLines, type Source } from '../../src/audit/export.ts'
import { exportAudit } from '../../src/cli/export-audit.ts'
import { contacts } from '../../src/database/tables.ts'
import { append } from '../../src/journal/append.ts'
import { openTestApp, send, type TestApp } from '../fixtures/app.ts'
import { type Account, account, contact, domain, person, staff } from '../fixtures/cast.ts'
import { comparable, refusedOf } from '../fixtures/ledger.ts'

// biome-ignore lint/suspicious/noExplicitAny: lines as a client without types reads them
type Line = any
const linesOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Events about the account, each a millisecond after the one before. */
async function write({ context: { db }, clock }: TestApp, { id: accountId }: Account, count: number, rest: object = {}): Promise<void> {
  const start = clock.now() - 60_000
  for (let from = 0; from < count; from += 500) {
    const events = Array.from({ length: Math.min(500, count - from) }, (_, index) => ({ at: start + from + index }))
    await append(db, ...events.map((event) => ({ accountId, kind: 'account.updated', ...event, ...rest }) as const))
  }
}

t.test('an export is the whole list within the reader’s reach, oldest first, with its values', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  const limited = await person(test, 'Lia Limited')
  const stranger = await person(test, 'Sam Stranger')
  const admin = await staff(test, 'Ada Admin', 'admin')
  await contact(test, a, owner, 'owner')
  await contact(test, a, limited, 'manager', [a1])
  await write(test, a, eventsInBatch + 50, { value: { name: { from: 'A', to: 'B' } } })
  const verifiedAt = test.clock.now() - 90_000
  await write(test, a, 3, { domainId: a1.id, kind: 'ticket.created', verification: 'password', verifiedAt })
  await write(test, a, 2, { kind: 'ticket.noted' })
  await write(test, b, 1)
  const path = `/v1/accounts/${a.number}/audit-events`
  const exported = async (url: string, token: string) => {
    const sent = await send(test, 'GET', url, { token, headers: { accept: 'application/x-ndjson' } })
    t.equal(sent.status, 200, sent.text)
    t.equal(sent.headers['content-type'], 'application/x-ndjson; charset=utf-8')
    const lines = linesOf(sent.text)
    return { events: lines.flatMap(({ event }) => event ?? []), lines }
  }
  const listed = async (url: string, token: string) => {
    const items: Line[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await send(test, 'GET', `${url}${url.includes('?') ? '&' : '?'}limit=100${cursor && `&cursor=${cursor}`}`, { token })
      items.push(...page.body.items)
      cursor = page.body.nextCursor
    }
    return items.reverse()
  }

  for (const [who, url] of [
    [owner, path],
    [limited, path],
    [admin, path],
    [admin, '/v1/audit-events'],
    [owner, `${path}?kind=ticket.created`],
    [admin, `/v1/audit-events?account=${b.number}`],
  ] as const) {
    const { events, lines } = await exported(url.replace('audit-events', 'audit-events/export'), who.token)
    t.strictSame(events, await listed(url, who.token), `${who.name}: ${url}`)
    t.strictSame(lines.at(-1), { end: { complete: true, events: events.length, reason: null } })
  }
  const { lines, events } = await exported(`${path}/export`, owner.token)
  t.equal(events.length, eventsInBatch + 53)
  t.match(events[0].value, { name: { from: 'A', to: 'B' } })
  const verified = { verification: 'password', verificationLevel: 'one_factor', verifiedAt: new Date(verifiedAt).toISOString() }
  t.match(
    events.filter(({ kind }) => kind === 'ticket.created'),
    [verified, verified, verified],
  )
  t.match(events[0], { verification: null, verificationLevel: null, verifiedAt: null })
  t.strictSame(lines[eventsInBatch], { progress: { events: eventsInBatch } })
  const until = events[10].at
  const before = events.filter(({ at }) => at < until)
  t.strictSame((await exported(`${path}/export?to=${until}`, owner.token)).events, before)
  const later = new Date(test.clock.now() + 86_400_000).toISOString()
  t.equal((await exported(`${path}/export?to=${later}`, owner.token)).events.length, events.length)

  const theirs = await refusedOf(t, test, () => send(test, 'GET', `${path}/export`, stranger))
  t.equal(theirs.status, 404)
  t.strictSame(comparable(theirs), comparable(await send(test, 'GET', '/v1/accounts/C-0/audit-events/export', stranger)))
  t.equal((await send(test, 'GET', '/v1/audit-events/export', owner)).status, 403)
  t.equal((await send(test, 'GET', `${path}/export?to=2026-12-31T23:59:60Z`, owner)).status, 422)
  t.equal((await send(test, 'GET', `${path}/export`, { ...owner, headers: { accept: 'application/json' } })).status, 406)

  await t.test('and so is the one at the console, which waits for whoever reads it', async (t) => {
    const out = new PassThrough({ highWaterMark: 10 })
    let ended = false
    const exported = exportAudit(test.context, undefined, out).finally(() => {
      ended = true
    })
    await once(out, 'readable')
    await new Promise(setImmediate)
    t.notOk(ended, 'nobody has read yet')
    const taken: string[] = []
    out.on('data', (chunk) => taken.push(String(chunk)))
    const last = await exported
    const whole = linesOf(taken.join('') + last)
    t.strictSame(
      whole.flatMap(({ event }) => event ?? []),
      await listed('/v1/audit-events', admin.token),
    )
    let text = ''
    const one = await exportAudit(test.context, b.number, { write: (chunk) => (text += chunk) })
    t.strictSame([text, linesOf(one).length], ['', 2])
  })
})

t.test('authority is asked again while it is read, and slow readers are neither waited for nor buffered for', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const owner = await person(test, 'Olga Owner')
  const ownerContact = await contact(test, a, owner, 'owner')
  const other = await person(test, 'Otto Owner')
  await contact(test, a, other, 'owner')
  const events = 15 * eventsInBatch
  await write(test, a, events, { value: { text: 'x'.repeat(8_000) } })
  await test.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = test.app.server.address() as AddressInfo
  const begin = async ({ token }: { token: string }): Promise<IncomingMessage> => {
    const headers = { authorization: `Bearer ${token}` }
    const [response] = await once(
      get({ port, host: '127.0.0.1', path: `/v1/accounts/${a.number}/audit-events/export`, headers }),
      'response',
    )
    return response
  }

  const waiting = await begin(other)
  const response = await begin(owner)
  await test.context.db
    .update(contacts)
    .set({ status: 'ended', endedAt: new Date(test.clock.now()) })
    .where(eq(contacts.id, ownerContact))
  const lines: Line[] = []
  for await (const line of createInterface({ input: response })) lines.push(JSON.parse(line))
  const read = lines.filter(({ event }) => event !== undefined).length
  t.strictSame(lines.at(-1), { end: { complete: false, events: read, reason: 'no_authority' } })
  t.ok(read > 0 && read < events, `after ${read} of ${events}`)

  let rest = ''
  const over = new Promise((resolve) => waiting.on('error', () => 'cut').once('close', resolve))
  await test.app.close()
  waiting.on('data', (chunk) => (rest = `${rest}${chunk}`.slice(-100)))
  await over
  t.ok(!waiting.complete || rest.includes('"stopping"'), 'a reader that does not read does not hold up the end of the service')
})

t.test('an export that cannot go on says so in its last line', async (t) => {
  const event = { at: '2026-03-01T12:00:00.000Z', id: 'x' } as never
  const full = Array.from({ length: eventsInBatch }, () => event)
  const ended = async (source: Partial<Source>) => {
    let text = ''
    for await (const lines of exportLines({ read: async () => full, isStopping: () => false, failed: () => {}, ...source })) text += lines
    return linesOf(text).at(-1)
  }
  let asked = 0
  t.match(await ended({ isStopping: () => ++asked > 2 }), { end: { complete: false, events: 2 * eventsInBatch, reason: 'stopping' } })
  const failures: unknown[] = []
  const lost = async () => {
    throw new Error('the database is away')
  }
  t.match(await ended({ read: lost, failed: (error) => failures.push(error) }), {
    end: { complete: false, events: 0, reason: 'unavailable' },
  })
  t.match(failures, [{ message: 'the database is away' }])
})

t.test('over HTTP too: the lines that were sent are not all there is', async (t) => {
  const test = await openTestApp(t)
  const admin = await staff(test, 'Ada Admin', 'admin')
  await test.context.db.execute(sql`drop table journal_values cascade`)
  const sent = await send(test, 'GET', '/v1/audit-events/export', admin)
  t.strictSame([sent.status, linesOf(sent.text)], [200, [{ end: { complete: false, events: 0, reason: 'unavailable' } }]])
})
