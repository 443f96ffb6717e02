/**
 * The guard of docs/authority.md: each fact that a decision read is changed in turn between the decision and its write, and the write
 * must not happen; what it did not read may change.
 */
import { type SQL, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { openTestApp, send, type TestApp } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'
import { type Owner, owners, scenes } from '../races/facts.ts'
import { meanwhile } from '../races/meanwhile.ts'
import { asAnswerer, asContact, asGrantee, asPanelUser, type Scene, type Stage, setStage } from '../races/stage.ts'
import { call, request } from '../races/writer.ts'

t.setTimeout(240_000)

const test = await openTestApp(t)
const stage = await setStage(test)

/** In one commit, as `change` does it. */
async function alter({ test }: Scene, raised: SQL, work: SQL): Promise<undefined> {
  await test.context.db.transaction(async (tx) => {
    await tx.execute(sql`update ${raised}`)
    await tx.execute(work)
  })
}

/** Everything an act could have written. */
async function written({ context: { db } }: TestApp): Promise<Record<string, number>> {
  const { rows } = await db.execute<Record<string, number>>(sql`
    select (select count(*)::int from tickets) as tickets, (select count(*)::int from messages) as messages,
    (select sum(version)::int from tickets) as versions, (select count(*)::int from journal_events) as events,
    (select count(*)::int from idempotency_keys) as keys, (select sum(uses)::int from grants) as uses`)
  return rows[0] as Record<string, number>
}

const write = (scene: Scene) => (scene.client === undefined ? request(scene) : call(scene))

/** Writes once, with something happening after the first decision. */
const writeAfter = (scene: Scene, happen: () => Promise<undefined>) =>
  meanwhile(
    (attempt) => (attempt === 0 ? happen() : Promise.resolve(undefined)),
    () => written(scene.test),
    () => write(scene),
  )

for (const { who, scene: makeScene, facts } of scenes) {
  t.test(`${who} writes nothing when, after the decision,`, async (t) => {
    for (const [fact, owner, work] of facts) {
      const scene = await makeScene(stage)
      const { attempts, result } = await writeAfter(scene, () => alter(scene, owners[owner](scene), work(scene)))
      t.strictSame(
        attempts.map(({ stood }) => stood),
        [false],
        `${fact}: the guard falls`,
      )
      t.strictSame(attempts[0]?.after, attempts[0]?.before, 'nothing is written')
      t.ok(result, `and then it is refused: ${result?.code}`)
    }
  })
}

t.test('what the decision did not read leaves the guard standing', async (t) => {
  for (const makeScene of [asGrantee, (from: Stage) => asGrantee(from, 5), asAnswerer, asContact, asPanelUser]) {
    const [scene, other] = [await makeScene(stage), await asAnswerer(await otherStage(stage))]
    const panel = await asPanelUser(stage)
    const changes: [string, SQL, SQL][] = [
      ['a user', owners.writer(other), sql`update users set status = 'suspended', suspended_at = now() where id = ${other.writer.id}`],
      ['a giver', owners.giver(other), sql`update users set status = 'suspended', suspended_at = now() where id = ${other.giver?.id}`],
      ['a client', owners.client(panel), sql`update clients set status = 'disabled', disabled_at = now() where id = ${panel.client}`],
      ['an account', owners.account(other), sql`update accounts set state = 'restricted' where id = ${other.a.id}`],
      ['a ticket', owners.ticket(other), sql`update tickets set topic = 'billing' where id = ${other.ticket}`],
    ]
    for (const [whose, raised, work] of changes) {
      const { attempts, result } = await writeAfter(scene, () => alter(scene, raised, work))
      t.strictSame(
        attempts.map(({ stood }) => stood),
        [true],
        `${whose} elsewhere`,
      )
      t.notOk(result, 'it is written')
    }
  }
})

const otherStage = async (stage: Awaited<ReturnType<typeof setStage>>) => ({ ...stage, owner: await person(test, 'Otto Owner') })

t.test('what leaves the authority as it was costs a second look, and no more', async (t) => {
  for (const { scene: makeScene } of scenes) {
    const scene = await makeScene(stage)
    const raised: Owner[] = ['writer', 'account', ...(scene.giver ? ['giver' as const] : []), ...(scene.ticket ? ['ticket' as const] : [])]
    for (const owner of raised) {
      const { attempts, result } = await writeAfter(scene, () => alter(scene, owners[owner](scene), sql`select 1`))
      t.strictSame(
        attempts.map(({ stood }) => stood),
        [false, true],
        owner,
      )
      t.notOk(result, 'it is written')
      const [first, second] = attempts
      t.strictSame(first?.after, first?.before)
      t.equal((second?.after['messages'] ?? 0) - (second?.before['messages'] ?? 0), 1, 'once')
    }
  }
})

t.test('what was not read lets nothing through', async (t) => {
  for (const absent of ['guardRevision1', 'guardAccountRevision', 'guardUntil']) {
    const scene = await asGrantee(stage)
    const { attempts, result } = await meanwhile(
      async (attempt, values) => (attempt === 0 ? { ...values, [absent]: null } : undefined),
      () => written(test),
      () => write(scene),
    )
    t.strictSame(
      attempts.map(({ stood }) => stood),
      [false, true],
      absent,
    )
    t.strictSame(attempts[0]?.after, attempts[0]?.before, 'nothing is written')
    t.notOk(result, 'before it was read again')
  }
})

t.test('ground that never comes to rest is given up', async (t) => {
  const scene = await asGrantee(stage)
  const before = await written(test)
  const happen = () => alter(scene, owners.account(scene), sql`select 1`)
  const { token } = scene.writer
  const body = { account: scene.a.id, domain: scene.d.name, topic: 'other', subject: 'It broke', message: 'Since noon.' }
  const act = () => send(test, 'POST', '/v1/tickets', { token, key: uuid(), body })
  const { attempts, result } = await meanwhile(happen, () => written(test), act)
  t.strictSame(
    attempts.map(({ stood }) => stood),
    [false, false, false, false, false],
  )
  t.match(result, { status: 503, headers: { 'retry-after': '1' }, body: { code: 'unavailable' } })
  t.strictSame(await written(test), before)
})

t.test('time alone makes it fall, when the grant or the session ends before the write', async (t) => {
  const dayMs = 86_400_000
  const ends: [string, (from: Stage) => Promise<Scene>, SQL, number][] = [
    ['grant', (from) => asGrantee(from), sql`update sessions set expires_at = now() + interval '60 days'`, 30 * dayMs],
    ['grant that counts', (from) => asGrantee(from, 5), sql`update sessions set expires_at = now() + interval '60 days'`, 30 * dayMs],
    ['session', asContact, sql`select 1`, dayMs / 2],
  ]
  for (const [name, makeScene, prepare, end] of ends) {
    const scene = await makeScene(stage)
    await test.context.db.execute(prepare)
    for (const [later, stands] of [
      [end - 60_000, true],
      [end + 1_000, false],
    ] as const) {
      const happen = async (attempt: number, values: Record<string, unknown>) =>
        attempt === 0 ? { ...values, clockOffset: Number(values['clockOffset']) + later } : undefined
      const { attempts } = await meanwhile(
        happen,
        () => written(test),
        () => write(scene),
      )
      t.equal(attempts[0]?.stood, stands, `${name}, ${stands ? 'a minute before' : 'a second after'} its end`)
      if (!stands) t.strictSame(attempts[0]?.after, attempts[0]?.before, 'nothing is written')
    }
  }
})

t.test('a step on whatever version there is waits for no version, and is answered with the one it makes', async (t) => {
  const { ticket, a, owner } = await asAnswerer(stage)
  const answered = async () => void (await test.context.db.execute(sql`update tickets set version = version + 1 where id = ${ticket}`))
  const act = () => send(test, 'POST', `/v1/tickets/${ticket}/close`, { token: owner.token, headers: { 'if-match': '*' } })
  const happen = async (attempt: number): Promise<undefined> => (attempt === 0 ? answered() : undefined)
  const { attempts, result } = await meanwhile(happen as () => Promise<undefined>, () => written(test), act)
  t.equal(attempts.length, 2, 'what was read is no longer what is there')
  t.match(result, { status: 200, headers: { etag: '"v3"' }, body: { version: 3, status: 'resolved', account: { id: a.id } } })
  const read = await send(test, 'GET', `/v1/tickets/${ticket}`, { token: owner.token })
  t.strictSame(read.body, result.body)
})
