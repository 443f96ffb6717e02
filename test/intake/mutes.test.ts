/** Whom an account has muted, who sees it, and how he is heard again, without his ever learning either. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, domainNames, domains as domainRows, submissionMutes } from '../../src/database/tables.ts'
import { announceSubmissions } from '../../src/intake/announce.ts'
import { send } from '../fixtures/app.ts'
import { contact, domain, type Person, person, submission, tokenFor } from '../fixtures/cast.ts'
import { eventsOf } from '../fixtures/ledger.ts'
import { mailbox } from '../fixtures/mail.ts'
import { setStage } from './stage.ts'

t.setTimeout(120_000)

const stage = await setStage(t)
const { test, a, b, people, more, contacts: known, domains, ask, mute } = stage
const { db } = test.context
const path = `/v1/accounts/${a.number}/mutes`

const list = async (who: string, query = '') => (await ask(who, 'GET', `${path}${query}`)).body
const lift = (who: string, id: string) => ask(who, 'DELETE', `${path}/${id}`)
const held = (who: Person, about = 'alpha.example') => submission(test, who, a.number, about)
const waiting = async (who = 'owner'): Promise<string[]> =>
  (await ask(who, 'GET', `${stage.base}?limit=100`)).body.items.map((item: { id: string }) => item.id)
/** Mutes somebody by a submission of his, and returns the mute. */
const muted = async (who: Person, by = 'owner', about = 'alpha.example'): Promise<string> => {
  const sent = await mute(by, await held(who, about))
  t.equal(sent.status, 200, sent.text)
  return (await list('owner')).items[0].id
}
const unmutings = async (id: string) =>
  (await eventsOf(test, a.id)).filter((event) => event.kind === 'submission.unmuted' && event.resourceId === id)

t.test('who may decide sees whom the account has muted, who did it, and when', async (t) => {
  t.strictSame(await list('owner'), { items: [], nextCursor: null })
  const loud = await person(test, 'Lou Loud')
  const before = test.clock.now()
  const id = await muted(loud, 'manager')
  const { items } = await list('owner')
  t.strictSame(
    items.map(({ mutedAt: _at, ...item }: { mutedAt: string }) => item),
    [
      {
        id,
        submitter: { id: loud.id, name: 'Lou Loud' },
        domain: null,
        mutedBy: { contact: known.manager, user: { id: people.manager.id, name: 'Max Manager' } },
      },
    ],
  )
  t.ok(Math.abs(Date.parse(items[0].mutedAt) - before) < 60_000)
  for (const who of ['manager', 'support', 'admin']) t.strictSame((await list(who)).items, items, who)
  for (const who of ['technical', 'billing', 'limited', 'developer']) t.match(await list(who), { code: 'not_authorised' }, who)
  const hidden = await ask('stranger', 'GET', path)
  t.equal(hidden.status, 404)
  t.equal((await ask('stranger', 'GET', '/v1/accounts/C-0/mutes')).status, 404)
  t.match(
    (await eventsOf(test, a.id)).find(({ kind }) => kind === 'submission.muted'),
    { value: { submitter: loud.id, mute: id } },
  )

  const other = await muted(await person(test, 'Otto Other'))
  const first = await list('owner', '?limit=1')
  t.strictSame(
    [first.items[0].id, (await list('owner', `?limit=1&cursor=${first.nextCursor}`)).items[0].id],
    [other, id],
    'newest first, in pages',
  )
  for (const one of [id, other]) t.equal((await lift('owner', one)).status, 204)
})

t.test('lifting one shows what waits again, once, by whom and to nobody else', async (t) => {
  const loud = await person(test, 'Lou Loud')
  const id = await muted(loud)
  const later = await held(loud)
  t.notOk((await waiting()).includes(later))

  const before = await stage.rows('journal_events')
  for (const [who, status] of [
    ['technical', 403],
    ['support', 403],
    ['admin', 403],
    ['keeperOfDeep', 404],
    ['stranger', 404],
  ] as const)
    t.equal((await lift(who, id)).status, status, who)
  for (const one of [uuid(), 'nonsense']) t.equal((await lift('owner', one)).status, 404)
  t.equal((await ask('otherOwner', 'DELETE', `/v1/accounts/${b.number}/mutes/${id}`)).status, 404, 'of another account')
  const old = await tokenFor(test, people.owner.id, people.owner.session, 3_600)
  t.match(await send(test, 'DELETE', `${path}/${id}`, { token: old }), { status: 401, body: { code: 'step_up_required' } })
  t.strictSame(await stage.rows('journal_events'), before, 'and nothing was written')
  t.notOk((await waiting()).includes(later))

  const [once, twice] = await Promise.all([lift('manager', id), lift('manager', id)])
  t.strictSame([once.status, twice.status], [204, 204])
  const revision = async () => (await db.select({ at: accounts.authorityRevision }).from(accounts).where(eq(accounts.id, a.id)))[0]?.at
  const revised = await revision()
  t.equal((await lift('owner', id)).status, 204, 'repeating it is harmless')
  t.equal(await revision(), revised, 'and disturbs nobody at work there')
  t.match(await unmutings(id), [
    {
      audience: 'account',
      actor: people.manager.id,
      capacity: 'contact',
      resourceType: 'mute',
      domainId: null,
      value: { submitter: loud.id },
    },
  ])
  t.ok((await waiting()).includes(later), 'what came meanwhile and still waits')
  t.strictSame((await list('owner')).items, [])

  const again = await muted(loud)
  t.not(again, id, 'muted again, it is another one')
  t.equal((await lift('owner', id)).status, 204)
  t.strictSame(
    (await list('owner')).items.map((item: { id: string }) => item.id),
    [again],
    'which the old one does not lift',
  )
  t.equal((await lift('owner', again)).status, 204)
})

t.test('A7: a limited contact mutes and lifts for his domains alone', async (t) => {
  const loud = await person(test, 'Lou Loud')
  const [aboutAlpha, aboutDeep, belowDeep] = [
    await held(loud),
    await held(loud, 'deep.alpha.example'),
    await held(loud, 'www.deep.alpha.example'),
  ]
  const id = await muted(loud, 'keeperOfDeep', 'deep.alpha.example')
  const shown = await waiting()
  t.strictSame(
    [aboutAlpha, aboutDeep, belowDeep].map((one) => shown.includes(one)),
    [true, false, false],
    'also to the others',
  )
  t.match((await list('keeperOfDeep')).items, [{ id, domain: { name: 'deep.alpha.example' } }])
  t.match((await list('owner')).items, [{ id, mutedBy: { user: { id: more.keeperOfDeep.id } } }])

  const ofAll = await muted(loud)
  t.strictSame((await list('owner')).items.length, 2, 'each stands by itself')
  t.strictSame((await list('keeperOfDeep')).items.length, 1)
  t.equal((await lift('keeperOfDeep', ofAll)).status, 404)
  t.equal((await lift('keeperOfDeep', id)).status, 204)
  t.notOk((await waiting()).includes(aboutDeep), 'the account as a whole does not hear him')
  t.equal((await lift('owner', ofAll)).status, 204)
  t.ok((await waiting()).includes(aboutDeep))
  t.match(await unmutings(id), [{ domainId: domains.deep.id }])

  const gone = await domain(test, a, 'gone.example')
  const keeper = await person(test, 'Kay Keeper')
  await contact(test, a, keeper, 'manager', [gone])
  const url = `${stage.base}/${await held(loud, 'gone.example')}/mute`
  t.equal((await send(test, 'POST', url, { token: keeper.token })).status, 200)
  const ofGone = (await list('owner')).items[0].id
  await db.delete(domainNames).where(eq(domainNames.domainId, gone.id))
  await db
    .update(domainRows)
    .set({ releasedAt: new Date(test.clock.now()) })
    .where(eq(domainRows.id, gone.id))
  t.equal((await send(test, 'DELETE', `${path}/${ofGone}`, { token: keeper.token })).status, 403, 'nothing is left of his limit')
  t.equal((await lift('owner', ofGone)).status, 204, 'also where the domain was given up since')
})

t.test('C5: the submitter sees the same bytes at the same time, muted, lifted or neither', async (t) => {
  const [loud, quiet] = [await person(test, 'Lou Same'), await person(test, 'Quin Same')]
  /** All that he can see of what he sent, without what is only ever his: ids and instants. */
  const views = async (who: Person): Promise<string> => {
    const all = await send(test, 'GET', '/v1/submissions', { token: who.token })
    const each = await Promise.all(
      all.body.items.map(({ id }: { id: string }) => send(test, 'GET', `/v1/submissions/${id}`, { token: who.token })),
    )
    const texts = [all, ...each].map(({ status, headers, text }) => `${status} ${headers['etag']} ${headers['content-length']} ${text}`)
    return texts
      .join('\n')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'at')
  }
  const same = async (what: string) => t.equal(await views(loud), await views(quiet), what)
  const sent = async () => Promise.all([loud, quiet].map((who) => held(who)))
  const [first, other] = (await sent()) as [string, string]
  await same('before')
  t.equal((await mute('owner', first)).status, 200)
  const id = (await list('owner')).items[0].id
  await same('muted')
  const [later, others] = (await sent()) as [string, string]
  await same('and what he sends then')
  t.notOk((await waiting()).includes(later))
  t.ok((await waiting()).includes(others))
  t.equal((await lift('owner', id)).status, 204)
  await same('lifted')
  for (const one of [later, others]) t.match(await stage.approve('owner', one), { status: 200, body: { status: 'approved' } })
  await same('accepted, as anybody else’s')
  t.match(await views(loud), /"status":"accepted"/)
  t.equal((await stage.decline('owner', other)).status, 200)
  await stage.wait(13 * 86_400_000)
  for (const who of [loud, quiet]) who.token = await tokenFor(test, who.id, who.session)
  await same('declined long ago')
  t.match(await views(loud), /"status":"held"/)
  await stage.wait(86_400_000 + 60_000)
  for (const who of [loud, quiet]) who.token = await tokenFor(test, who.id, who.session)
  await same('and ended')
  t.match(await views(loud), /"status":"ended"/)
})

t.test('who is heard again is announced like anybody', async (t) => {
  const loud = await person(test, 'Lou Loud')
  const letters = async () => {
    await announceSubmissions(test.context)({}, new AbortController().signal)
    return (await mailbox(test)).filter(({ subject }) => /wait/i.test(subject)).map(({ to }) => to)
  }
  await letters()
  await stage.wait(2 * 86_400_000)
  const id = await muted(loud)
  await held(loud)
  t.strictSame(await letters(), [], 'not while he is muted')
  t.equal((await lift('owner', id)).status, 204)
  t.ok((await letters()).includes(people.owner.address))
  t.equal(await db.$count(submissionMutes, eq(submissionMutes.submitterUserId, loud.id)), 1)
})
