/** Reading one ticket: who may, what he is shown, and what he need not be sent again. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { grants } from '../../src/database/tables.ts'
import { grant } from '../fixtures/cast.ts'
import { setStage, ticketRow } from './stage.ts'

const stage = await setStage(t)
const { test, a, people, ask, open } = stage
const { db } = test.context
const read = (who: string, id: string, headers: Record<string, string> = {}) => ask(who, 'GET', `/v1/tickets/${id}`, { headers })

t.test('a ticket names its account, its requester and who acted for it', async (t) => {
  const made = (await open('developer')).body
  for (const who of ['owner', 'technical', 'limited', 'developer']) {
    const seen = await read(who, made.id)
    t.strictSame(seen.body, made, `${who} is shown the same`)
    t.match(seen.body.openedBy, { user: { name: 'Dan Developer' }, onBehalfOf: { number: a.number, name: 'Alpha Ltd' }, capacity: 'grant' })
  }
  const { hostHeldByOtherAccount, ...shown } = (await read('support', made.id)).body
  t.strictSame(shown, made)
  t.equal(hostHeldByOtherAccount, false)
})

t.test(
  'a grant with reach `own` reads what was opened under it or one it supersedes, with `domain` what came after it began',
  async (t) => {
    const { alpha, deep } = stage.domains
    const now = test.clock.now()
    const byOwner = await ticketRow(stage, { domainId: alpha.id })
    const before = await ticketRow(stage, { domainId: alpha.id, createdAt: new Date(now - 60_000) })
    const elsewhere = await ticketRow(stage, { domainId: deep.id })
    const own = (await open('developer')).body.id
    const kept = (await open('keeper')).body.id
    const table: Record<string, Record<string, number>> = {
      developer: { own: 200, kept: 404, byOwner: 404, before: 404, elsewhere: 404 },
      keeper: { own: 200, kept: 200, byOwner: 200, before: 404, elsewhere: 404 },
      owner: { own: 200, kept: 200, byOwner: 200, before: 200, elsewhere: 200 },
    }
    const places: Record<string, string> = { own, kept, byOwner, before, elsewhere }
    for (const [who, statuses] of Object.entries(table)) {
      for (const [place, status] of Object.entries(statuses))
        t.equal((await read(who, places[place] as string)).status, status, `${who}: ${place}`)
    }
    const ended = { status: 'superseded' as const, endedAt: new Date(now) }
    await db.update(grants).set(ended).where(eq(grants.id, stage.grants.developer))
    t.equal((await read('developer', own)).status, 404, 'after the end of the grant it is gone for him')
    const lineage = { supersedes: stage.grants.developer, lineage: [stage.grants.developer] }
    await grant(test, a, stage.contacts.owner, people.developer, [alpha], { actions: ['ticket.read'], ...lineage })
    t.equal((await read('developer', own)).status, 200, 'one that supersedes it reaches it again')
    t.equal((await read('owner', own)).status, 200, 'the account keeps it all the while')
  },
)

t.test('unknown, not yours and no id at all are the same bytes', async (t) => {
  const id = await ticketRow(stage)
  for (const who of ['stranger', 'otherOwner', 'billing', 'keeper']) {
    const hidden = await read(who, id)
    t.equal(hidden.status, 404)
    for (const other of [uuid(), 'nonsense', 'T-100001', id.slice(1), `${id}x`]) {
      const none = await read(who, other)
      t.strictSame({ ...none.body, instance: '' }, { ...hidden.body, instance: '' }, `${who}: ${other}`)
    }
  }
})

t.test('a version that is known is not sent again', async (t) => {
  const { id } = (await open('owner')).body
  const first = await read('owner', id)
  t.equal(first.headers['etag'], '"v1"')
  for (const known of ['"v1"', 'W/"v1"', '"v0", "v1"', '*']) {
    const again = await read('owner', id, { 'if-none-match': known })
    t.strictSame([again.status, again.text, again.headers['etag']], [304, '', '"v1"'], known)
  }
  t.equal((await read('owner', id, { 'if-none-match': '"v2"' })).status, 200)
  t.match(await read('owner', id, { 'if-none-match': 'v1' }), { status: 400, body: { code: 'malformed_request' } })
  await stage.reply('owner', id)
  const changed = await read('owner', id, { 'if-none-match': '"v1"' })
  t.match(changed, { status: 200, headers: { etag: '"v2"' }, body: { version: 2 } })
  t.equal((await read('stranger', id, { 'if-none-match': '*' })).status, 404, 'and tells nobody that it is there')
})

t.test('HEAD answers as GET without the content', async (t) => {
  const { id } = (await open('owner')).body
  const head = (who: 'owner' | 'stranger') =>
    test.app.inject({ method: 'HEAD', url: `/v1/tickets/${id}`, headers: { authorization: `Bearer ${people[who].token}` } })
  const seen = await head('owner')
  t.strictSame([seen.statusCode, seen.body, seen.headers.etag], [200, '', '"v1"'])
  t.equal((await head('stranger')).statusCode, 404)
})
