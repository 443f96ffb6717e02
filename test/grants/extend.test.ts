/** More of a grant, or longer: a new one takes its place, and what was opened under the old one stays in reach. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { grants, users } from '../../src/database/tables.ts'
import { type Request, send } from '../fixtures/app.ts'
import { freshToken, grant, person, request, tokenFor } from '../fixtures/cast.ts'
import { comparable, eventsOf, letters, refusedOf } from '../fixtures/ledger.ts'
import { mailbox } from '../fixtures/mail.ts'
import { setDesk } from './stage.ts'

const dayMs = 86_400_000
t.setTimeout(180_000)

t.test('extending a grant', async (t) => {
  const desk = await setDesk(t)
  const { test, a, one, two, owner, manager, technical, developer, admin, act, row, told } = desk
  const give = (rest: object = {}) =>
    grant(test, a, desk.ownerContact, developer, [one], { maxUses: 5, topics: ['other'], createdBy: owner.id, ...rest })
  const extend = (id: string, body: object = {}, who = manager, ifMatch = 1) => act(who, id, 'extend', { ifMatch, body })
  const mine = (method: string, id: string, rest: Request = {}, who = developer) =>
    send(test, method, `/v1/me/grants/${id}`, { token: who.token, ...rest })
  const accept = (id: string, who = developer, ifMatch = 1) => mine('POST', `${id}/accept`, { ifMatch }, who)
  const open = async (name: string) => {
    const body = { account: a.number, domain: name, topic: 'other', subject: 'Broken', message: 'It broke.' }
    return send(test, 'POST', '/v1/tickets', { token: developer.token, key: true, body })
  }
  const sees = async (ticket: string) => (await send(test, 'GET', `/v1/tickets/${ticket}`, { token: developer.token })).status

  await t.test('offered by a contact, it takes the place of the old one when the developer accepts', async (t) => {
    const old = await give()
    const ticket = (await open('alpha.example')).body.id
    const offered = await extend(old, {
      domains: ['alpha.example', 'alpha-two.example'],
      actions: ['ticket.create', 'ticket.read'],
      topics: null,
      maxUses: null,
      reach: 'domain',
      purpose: 'More',
    })
    t.match(offered, {
      status: 201,
      headers: { etag: '"v1"', location: `/v1/accounts/${a.id}/grants/${offered.body.id}` },
      body: {
        status: 'invited',
        supersedes: old,
        topics: null,
        maxUses: null,
        reach: 'domain',
        purpose: 'More',
        grantee: { user: { id: developer.id } },
      },
    })
    const { id } = offered.body
    t.strictSame([await told(id), await desk.events(id)], [['grant_invited Dora'], ['grant.invited']])
    const mails = await mailbox(test)
    const offer = mails.find(({ to, subject }) => to === developer.address && /offered/.test(subject))
    const [, place = ''] = /^GET (?:https?:\/\/[^/]+)(\S+)$/m.exec(String(offer?.text)) ?? []
    t.match(await send(test, 'GET', place, { token: developer.token }), { status: 200, body: { id } }, 'it says where he finds it')
    t.match(await row(old), { status: 'active', version: 1 }, 'until then the old one stays as it is')
    t.equal((await open('alpha-two.example')).status, 403)
    t.match(await mine('GET', id), {
      status: 200,
      headers: { etag: '"v1"' },
      body: { status: 'invited', grantor: { id: manager.id }, grantee: undefined },
    })
    t.match(await refusedOf(t, test, () => accept(id, developer, 2)), { status: 412 })
    t.match(await accept(id), { status: 200, body: { status: 'active', supersedes: old, version: 2 } })
    t.match(await row(old), { status: 'superseded', endedBy: developer.id, version: 2 })
    t.strictSame((await row(id)).lineage, [old])
    t.strictSame(await desk.events(old), ['grant.superseded'])
    const ended = (await letters(test)).filter(({ kind }) => kind === 'grant_superseded')
    t.match(ended, [{ recipient: owner.id }], 'who stood for the old one is told')
    t.equal(ended.length, 1)
    t.strictSame(await told(id), ['grant_accepted Mia'])
    t.equal(await sees(ticket), 200, 'its tickets stay in reach')
    t.equal((await open('alpha-two.example')).status, 201)
    t.match(await accept(id, developer, 2), { status: 409, body: { from: 'active', to: 'active', allowed: ['resigned'] } })

    const again = (await extend(id, {}, owner, 2)).body
    t.equal(Math.round((Date.parse(again.expiresAt) - test.clock.now()) / dayMs), 90, 'longer, by the default')
    t.equal((await accept(again.id)).status, 200)
    t.strictSame((await row(again.id)).lineage, [id, old], 'through a chain')
    t.equal(await sees(ticket), 200)
    t.match(await act(owner, again.id, 'revoke'), { status: 200 })
    t.equal(await sees(ticket), 404, 'and falls out with the last of it (R8)')
  })

  await t.test('asked for by the developer, it does when a contact approves', async (t) => {
    const old = await give()
    const ticket = (await open('alpha.example')).body.id
    const body = { ...desk.right, requestCode: undefined, supersedes: old, actions: ['ticket.read', 'ticket.close'] }
    const sent = await send(test, 'POST', '/v1/grant-requests', { token: developer.token, key: true, body })
    await desk.settle()
    const id = String(await desk.grantOf(sent.body.id))
    t.equal((await mine('GET', id)).status, 404, 'what he only asked for he does not see here')
    t.match(await act(manager, id, 'approve', { ifMatch: 1 }), { status: 200, body: { status: 'active', supersedes: old } })
    t.match(await row(old), { status: 'superseded', endedBy: manager.id })
    t.equal(await sees(ticket), 200)
    t.equal((await open('alpha.example')).status, 403, 'what the new one does not hold is gone')
    t.match(await mine('GET', id), { status: 200, body: { status: 'active' } })
    await act(owner, id, 'revoke')
  })

  await t.test('not in the place of what has ended, is for somebody else, or is suspended by the provider or the account', async (t) => {
    const revoked = await give()
    const first = (await extend(revoked)).body.id
    await act(owner, revoked, 'revoke')
    t.match(await refusedOf(t, test, () => accept(first)), { status: 409, body: { code: 'conflict', detail: /has ended/ } })
    const held = await give({ status: 'suspended', suspensionCauses: ['staff'] })
    const second = (await extend(held)).body.id
    t.match(await refusedOf(t, test, () => accept(second)), { status: 409, body: { detail: /by the provider/ } })
    const paused = await give()
    const offered = (await extend(paused)).body.id
    t.equal((await act(owner, paused, 'suspend')).status, 200)
    t.match(await refusedOf(t, test, () => accept(offered)), { status: 409, body: { code: 'conflict', detail: /let go on first/ } })
    t.match(await row(paused), { status: 'suspended', version: 2 }, 'what the account suspended is not for him to lift')
    t.equal((await act(owner, paused, 'resume', { ifMatch: 2 })).status, 200)
    t.equal((await accept(offered)).status, 200, 'as it is when the account lets it go on')
    const again = await give({ status: 'suspended', suspensionCauses: ['account'] })
    const asked = { ...desk.right, requestCode: undefined, supersedes: again }
    const sent = await send(test, 'POST', '/v1/grant-requests', { token: developer.token, key: true, body: asked })
    await desk.settle()
    const other = String(await desk.grantOf(sent.body.id))
    t.equal((await act(manager, other, 'approve', { ifMatch: 1 })).status, 200, 'or approves another')
    for (const id of [offered, other]) t.equal((await act(owner, id, 'revoke')).status, 200)
    const less = await give()
    const [wider, lapsed] = [(await extend(less)).body.id, (await extend(less)).body.id]
    await test.context.db
      .update(grants)
      .set({ createdAt: new Date(test.clock.now() - 15 * dayMs) })
      .where(eq(grants.id, lapsed))
    await told(wider)
    t.equal((await act(owner, less, 'narrow', { ifMatch: 1, body: { actions: ['ticket.read'] } })).status, 200)
    t.match(await row(wider), { status: 'cancelled' }, 'what was offered before it was narrowed would give that back')
    t.match(await row(lapsed), { status: 'invited' }, 'what nobody can accept any more is left to who records that')
    t.strictSame(
      [(await desk.events(wider)).at(-1), await told(wider)],
      ['grant.cancelled', ['grant_cancelled Dora', 'grant_cancelled Mia']],
    )
    t.match(await refusedOf(t, test, () => accept(wider, developer, 2)), { status: 409, body: { from: 'cancelled' } })
    const since = (await extend(less, { actions: ['ticket.read', 'ticket.close'] }, manager, 2)).body.id
    t.equal((await accept(since)).status, 200, 'what is offered after that is as good as ever')
    await act(owner, since, 'revoke')
    const moved = await give()
    const third = (await extend(moved)).body.id
    await test.context.db
      .update(grants)
      .set({ granteeUserId: (await person(test, 'Dan')).id })
      .where(eq(grants.id, moved))
    t.match(await refusedOf(t, test, () => accept(third)), { status: 409, body: { detail: /somebody else/ } })
    const refusals = (await eventsOf(test, a.id)).filter(({ kind, resourceId }) => kind === 'grant.refused' && resourceId === second)
    t.match(refusals, [{ actor: developer.id, reason: 'conflict' }], 'and the attempt is recorded')
  })

  await t.test('only by a contact, freshly signed in, on what he saw, for what is in force, and never to himself', async (t) => {
    const id = await give()
    const refused = async (what: () => ReturnType<typeof extend>, expected: object) => t.match(await refusedOf(t, test, what), expected)
    await refused(() => extend(id, {}, technical), { status: 403 })
    await refused(() => extend(id, {}, admin), { status: 403 })
    await refused(() => extend(id, {}, developer), { status: 404 })
    await refused(() => extend(id, {}, manager, 7), { status: 412 })
    const old = { ...manager, token: await tokenFor(test, manager.id, manager.session, 3_600) }
    await refused(() => extend(id, {}, old), { status: 401 })
    await refused(() => extend(id, { domains: ['beta.example'] }), { status: 403, body: { reason: 'domain_not_in_account' } })
    await refused(() => extend(id, { expiresAt: new Date(test.clock.now() + 400 * dayMs).toISOString() }), {
      status: 422,
      body: { errors: [{ code: 'too_late' }] },
    })
    await refused(() => extend(id, { topics: ['billing'] }), { status: 422 })
    await refused(() => extend(id, { actions: ['grant.manage'] }), { status: 422 })
    const own = await grant(test, a, desk.ownerContact, manager, [one])
    await refused(() => extend(own), { status: 409, body: { detail: /himself/ } })
    const asked = await request(test, a, developer, [one])
    await refused(() => extend(asked), { status: 409, body: { from: 'requested', to: 'superseded' } })
    const empty = await grant(test, a, desk.ownerContact, await person(test, 'Eva'), [])
    await refused(() => extend(empty), { status: 409, body: { detail: /no domain left/ } })
  })

  await t.test('the developer declines an offer, resigns a grant, and sees only his own', async (t) => {
    const id = await give()
    const offer = (await extend(id)).body.id
    await told(offer)
    const declined = await mine('POST', `${offer}/decline`)
    t.match(declined, { status: 200, body: { status: 'declined' } })
    t.strictSame((await mine('POST', `${offer}/decline`)).body, declined.body, 'repeated, it answers the same')
    t.strictSame([await desk.events(offer), await told(offer)], [['grant.invited', 'grant.declined'], ['grant_declined Mia']])
    t.match(await mine('POST', `${offer}/resign`), { status: 409, body: { from: 'declined', to: 'resigned', allowed: [] } })
    t.match(await mine('POST', `${id}/decline`), { status: 409, body: { from: 'active', to: 'declined', allowed: ['resigned'] } })

    const ticket = (await open('alpha.example')).body.id
    await told(id)
    const resigned = await mine('POST', `${id}/resign`, { key: 'resign' })
    t.match(resigned, { status: 200, body: { status: 'resigned', version: 2 } })
    t.strictSame((await mine('POST', `${id}/resign`, { key: 'resign' })).body, resigned.body)
    t.strictSame((await mine('POST', `${id}/resign`)).body, resigned.body, 'twice is once')
    t.equal(await sees(ticket), 404, 'at once')
    t.strictSame(
      [(await desk.events(id)).filter((kind) => kind !== 'grant.refused'), await told(id)],
      [['grant.resigned'], ['grant_resigned Olga']],
    )
    t.match(await act(owner, id, 'revoke'), { status: 409, body: { from: 'resigned' } })

    const suspended = await give({ status: 'suspended', suspensionCauses: ['account'] })
    t.match(await mine('POST', `${suspended}/resign`), { status: 200, body: { status: 'resigned', suspensionCauses: undefined } })
    const hidden = await mine('GET', uuid())
    t.equal(hidden.status, 404)
    const other = await person(test, 'Ivo')
    for (const ref of [suspended, 'nonsense']) t.strictSame(comparable(await mine('GET', ref, {}, other)), comparable(hidden))
    const waiting = await request(test, a, developer, [two])
    const offered = await grant(test, a, desk.ownerContact, developer, [two], {
      status: 'invited',
      granteeUserId: null,
      approvedAt: null,
      createdBy: owner.id,
    })
    const listed = await send(test, 'GET', '/v1/me/grants?limit=100', { token: developer.token })
    const ids = listed.body.items.map((item: { id: string }) => item.id)
    t.ok(ids.includes(id) && ids.includes(offer))
    t.notOk(ids.includes(waiting) || ids.includes(offered), 'neither what he asked for nor what was offered to a mere address')
    const first = await send(test, 'GET', '/v1/me/grants?limit=1', { token: developer.token })
    const next = await send(test, 'GET', `/v1/me/grants?limit=1&cursor=${first.body.nextCursor}`, { token: developer.token })
    t.strictSame([first.body.items[0].id, next.body.items[0].id], ids.slice(0, 2))
    t.equal((await mine('GET', id, { headers: { 'if-none-match': '"v2"' } })).status, 304)
  })

  await t.test('an offer of a suspended user is neither shown to him nor delivered, and is there again with its grantor', async (t) => {
    const setUser = (verb: 'suspend' | 'restore') =>
      send(test, 'POST', `/v1/users/${manager.id}/${verb}`, {
        token: admin.token,
        ...(verb === 'suspend' && { body: { reason: 'Stolen laptop' } }),
      })
    const listed = async () =>
      (await send(test, 'GET', '/v1/me/grants?limit=100', { token: developer.token })).body.items.map((item: { id: string }) => item.id)
    const old = await give()
    const [offer, unsent] = [(await extend(old)).body.id, (await extend(old)).body.id]
    const left = (await extend(old, {}, owner)).body.id
    t.equal((await setUser('suspend')).status, 200)
    const mails = (await mailbox(test)).filter(({ to }) => to === developer.address).map(({ text }) => text)
    t.strictSame(
      [offer, unsent, left].map((id) => mails.some((text) => text.includes(id))),
      [false, false, true],
      'only what another offers',
    )
    const hidden = comparable(await mine('GET', uuid()))
    t.strictSame(comparable(await mine('GET', offer)), hidden)
    for (const act of [() => accept(offer), () => mine('POST', `${offer}/decline`)])
      t.strictSame(comparable(await refusedOf(t, test, act)), comparable(await mine('POST', `${uuid()}/decline`)))
    const seen = await listed()
    t.strictSame(
      [offer, left, old].map((id) => seen.includes(id)),
      [false, true, true],
      'what he gave is there, what he offers is not',
    )
    t.match(await row(offer), { status: 'invited', version: 1 }, 'no row says so')
    t.equal((await setUser('restore')).status, 200)
    t.ok((await listed()).includes(offer))
    t.match(await accept(offer), { status: 200, body: { status: 'active' } })
  })

  await t.test('nor can he accept it when its grantor is suspended after it was found', async (t) => {
    const offer = (await extend(await give())).body.id
    const { db } = test.context
    const begin = db.transaction
    db.transaction = (async (...work: Parameters<typeof begin>) => {
      db.transaction = begin
      await db.update(users).set({ status: 'suspended' }).where(eq(users.id, manager.id))
      return begin.apply(db, work)
    }) as typeof begin
    t.match(await accept(offer), { status: 409, body: { code: 'conflict', detail: /does not hold/ } })
    t.match(await row(offer), { status: 'invited', version: 1 })
    await db.update(users).set({ status: 'active' }).where(eq(users.id, manager.id))
  })

  await t.test('what has ended is his to see for 90 days, as long as it ties him to the account', async (t) => {
    const zoe = await person(test, 'Zoe')
    const ended = new Date(test.clock.now() - 90 * dayMs)
    const id = await grant(test, a, desk.ownerContact, zoe, [one], { status: 'revoked', endedAt: ended })
    t.equal((await mine('GET', id, {}, zoe)).status, 404)
    t.strictSame((await send(test, 'GET', '/v1/me/grants', { token: zoe.token })).body.items, [])
    await test.context.db
      .update(grants)
      .set({ endedAt: new Date(ended.getTime() + 60_000) })
      .where(eq(grants.id, id))
    t.match(await mine('GET', id, {}, zoe), { status: 200, body: { status: 'revoked' } })
    t.equal((await send(test, 'GET', '/v1/me/grants', { token: zoe.token })).body.items.length, 1)
  })

  await t.test('accepting wants a fresh sign-in of his own, and an offer that has not lapsed', async (t) => {
    const id = await give()
    const offer = (await extend(id)).body.id
    const old = { ...developer, token: await tokenFor(test, developer.id, developer.session, 3_600) }
    t.match(await refusedOf(t, test, () => accept(offer, old)), { status: 401, body: { code: 'step_up_required' } })
    t.equal((await refusedOf(t, test, () => accept(offer, technical))).status, 404)
    test.clock.advance(14 * dayMs)
    const late = { ...developer, token: await freshToken(test, developer) }
    t.match(await accept(offer, late), { status: 409, body: { from: 'lapsed', to: 'active', allowed: [] } })
    test.clock.set(0)
    t.match(await row(offer), { status: 'invited', version: 1 }, 'and nothing was written')
  })
})
