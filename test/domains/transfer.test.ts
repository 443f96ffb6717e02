import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, domainClaims, domainNames, domains, grants } from '../../src/database/tables.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { type Account, account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { comparable, eventsOf, letters, refusedOf } from '../fixtures/ledger.ts'
import { mailbox } from '../fixtures/mail.ts'
import { clientToken, panel } from '../oauth/stage.ts'
import { listen } from '../races/arena.ts'

t.test('a name that is held moves only by staff', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const a2 = await domain(test, a, 'alpha-two.example')
  const aOwner = await person(test, 'Olga Owner')
  const bOwner = await person(test, 'Berta Owner')
  const limited = await person(test, 'Lia Limited')
  const developer = await person(test, 'Dan Developer')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, aOwner, 'owner')
  await contact(test, b, bOwner, 'owner')
  await contact(test, a, limited, 'technical', [a1])
  const given = await grant(test, a, ownerContact, developer, [a1], { actions: ['ticket.create', 'ticket.read'] })
  const open = (token: string, { number }: Account, name: string) => {
    const body = { account: number, domain: name, topic: 'other', subject: 'It broke', message: 'Since noon.' }
    return send(test, 'POST', '/v1/tickets', { token, key: true, body })
  }
  const transfer = ({ id }: Account, which: string, to: string, rest: Request = {}) => {
    const body = { to, reason: 'Sold, by letter of both' }
    return send(test, 'POST', `/v1/accounts/${id}/domains/${which}/transfer`, { token: admin.token, ifMatch: 1, body, ...rest })
  }
  const rowOf = async (id: string) => (await db.select().from(domains).where(eq(domains.id, id)))[0]
  const holder = async (name: string) => (await db.select().from(domainNames).where(eq(domainNames.name, name)))[0]

  await t.test('nobody but an admin, with a reason and the version he saw', async (t) => {
    t.match(await refusedOf(t, test, () => transfer(a, a1.id, b.number, { token: support.token })), { status: 403 })
    for (const who of [aOwner, bOwner]) {
      const sent = await refusedOf(t, test, () => transfer(a, a1.id, b.number, { token: who.token }))
      t.ok([403, 404].includes(sent.status))
    }
    t.equal((await refusedOf(t, test, () => transfer(a, a1.id, b.number, { headers: { 'if-match': '"v7"' } }))).status, 412)
    t.equal((await refusedOf(t, test, () => transfer(a, a1.id, b.number, { body: { to: b.number } }))).status, 422)
    for (const [to, code] of [
      ['C-0', 'unknown'],
      [uuid(), 'unknown'],
      [a.number, 'same'],
    ] as const) {
      const sent = await refusedOf(t, test, () => transfer(a, a1.id, to))
      t.match(sent, { status: 422, body: { errors: [{ pointer: '#/to', code }] } }, sent.text)
    }
    const closed = await account(test, 'Closed Ltd', 'closed')
    t.match(await refusedOf(t, test, () => transfer(a, a1.id, closed.number)), { status: 409, body: { code: 'conflict' } })
  })

  await t.test('R7: the row ends here and another begins there; what hung on it falls', async (t) => {
    const ticket = (await open(developer.token, a, a1.name)).body
    const before = (await letters(test)).length
    const sent = await transfer(a, a1.name, b.number, { key: 'move-1' })
    t.match(sent, { status: 201, body: { name: a1.name, account: { id: b.id }, releasedAt: null, version: 1 } }, sent.text)
    t.not(sent.body.id, a1.id, 'a row never changes account')
    t.ok((await rowOf(a1.id))?.releasedAt)
    t.match(await holder(a1.name), { accountId: b.id, domainId: sent.body.id })
    t.match((await db.select().from(grants).where(eq(grants.id, given)))[0], { status: 'suspended', suspensionCauses: ['no_domain'] })
    for (const [who, reason] of [
      [developer, 'domain_not_in_grant'],
      [limited, 'domain_not_in_role'],
      [aOwner, 'domain_not_in_account'],
    ] as const) {
      t.match(await refusedOf(t, test, () => open(who.token, a, a1.name)), { status: 403, body: { reason } })
    }
    t.equal((await open(bOwner.token, b, a1.name)).status, 201)
    t.match(
      (await eventsOf(test, a.id)).find(({ kind }) => kind === 'domain.released'),
      {
        actor: admin.id,
        resourceId: a1.id,
        value: { name: a1.name, reason: 'Sold, by letter of both' },
      },
    )
    t.match(
      (await eventsOf(test, b.id)).find(({ kind }) => kind === 'domain.added'),
      { actor: admin.id, resourceId: sent.body.id },
    )
    t.notMatch(JSON.stringify(await eventsOf(test, b.id)), a.id, 'B does not learn whose it was')
    t.match((await letters(test)).slice(before), [
      { kind: 'domain_released_by_staff', account: a.id, subject: a1.id, recipient: aOwner.id },
      { kind: 'grant_suspended', recipient: developer.id },
      { kind: 'grant_suspended', recipient: aOwner.id },
      { kind: 'domain_added_by_staff', account: b.id, subject: sent.body.id, recipient: bOwner.id },
    ])
    const mails = await mailbox(test)
    t.match(mails.find(({ to }) => to === bOwner.address)?.text, new RegExp(`- ${a1.name}[^]*/domains/${sent.body.id}`))
    t.match(mails.find(({ to, subject }) => to === aOwner.address && subject.startsWith('A domain was released'))?.text, `- ${a1.name}`)
    t.equal((await send(test, 'GET', `/v1/tickets/${ticket.id}`, { token: bOwner.token })).status, 404, 'B sees nothing from before')
    t.strictSame((await send(test, 'GET', '/v1/tickets', { token: bOwner.token })).body.items.length, 1)
    t.match((await send(test, 'GET', `/v1/tickets/${ticket.id}`, { token: aOwner.token })).body, { domain: { id: a1.id } }, 'A keeps it')
    const again = await transfer(a, a1.name, b.number, { key: 'move-1' })
    t.equal(again.status, 404, 'what is named is not there any more')
    t.match(await refusedOf(t, test, () => transfer(a, a1.id, b.number)), { status: 409, body: { code: 'conflict' } })
  })

  await t.test('moving back revives nothing', async (t) => {
    const back = await transfer(b, a1.name, a.number)
    t.equal(back.status, 201, back.text)
    t.match((await db.select().from(grants).where(eq(grants.id, given)))[0], { status: 'suspended' })
    t.match(await refusedOf(t, test, () => open(developer.token, a, a1.name)), { status: 403, body: { reason: 'domain_not_in_grant' } })
    t.match(await refusedOf(t, test, () => open(limited.token, a, a1.name)), { status: 403, body: { reason: 'domain_not_in_role' } })
    t.equal((await open(aOwner.token, a, a1.name)).status, 201)
  })

  await t.test('two that move it at once: exactly one does', async (t) => {
    const c = await account(test, 'Gamma Ltd')
    const [one, two] = await Promise.all([transfer(a, a2.id, b.number), transfer(a, a2.id, c.number)])
    t.strictSame([one.status, two.status].sort(), [201, 409], one.text + two.text)
    t.equal((await db.select().from(domainNames).where(eq(domainNames.name, a2.name))).length, 1)
  })

  const claims = `/v1/accounts/${b.number}/domains/claims`
  const claim = async (name: string) => (await send(test, 'POST', claims, { token: bOwner.token, body: { name } })).body
  const decide = (id: string, verb: string, rest: Request = {}) =>
    send(test, 'POST', `${claims}/${id}/${verb}`, { token: admin.token, ifMatch: 1, body: { reason: 'Papers were shown' }, ...rest })

  await t.test('staff confirm a claim of a held name: a transfer', async (t) => {
    const a3 = await domain(test, a, 'alpha-three.example')
    const made = await claim(a3.name)
    for (const token of [support.token, bOwner.token]) {
      t.equal((await refusedOf(t, test, () => decide(made.id, 'confirm', { token }))).status, 403)
    }
    t.equal((await refusedOf(t, test, () => decide(made.id, 'confirm', { headers: { 'if-match': '"v7"' } }))).status, 412)
    const sent = await decide(made.id, 'confirm')
    t.match(sent, { status: 200, body: { id: made.id, status: 'accepted', heldBy: null, version: 2 } }, sent.text)
    t.match(await holder(a3.name), { accountId: b.id, domainId: sent.body.domain })
    t.ok((await rowOf(a3.id))?.releasedAt)
    for (const verb of ['confirm', 'refuse']) {
      const late = await refusedOf(t, test, () => decide(made.id, verb, { ifMatch: 2 }))
      t.match(late, { status: 409, body: { code: 'invalid_transition', from: 'accepted', allowed: [] } })
    }
  })

  await t.test('and of a free one, though no record was seen', async (t) => {
    const sent = await decide((await claim('free.example')).id, 'confirm')
    t.match(sent, { status: 200, body: { status: 'accepted' } }, sent.text)
    t.match(await holder('free.example'), { accountId: b.id })
    t.match((await eventsOf(test, b.id)).at(-1), { kind: 'domain.added', value: { name: 'free.example', reason: 'Papers were shown' } })
  })

  await t.test('a name that somebody takes in between stays with him', async (t) => {
    const made = await claim('between.example')
    const transaction = db.transaction.bind(db)
    let between = () => send(test, 'POST', `/v1/accounts/${a.id}/domains`, { token: admin.token, body: { name: 'between.example' } })
    Object.assign(db, {
      transaction: async (work: never) => {
        Reflect.deleteProperty(db, 'transaction')
        t.equal((await between()).status, 201)
        return transaction(work)
      },
    })
    between = between.bind(null)
    t.match(await decide(made.id, 'confirm'), { status: 409, body: { code: 'conflict' } })
    t.match(await holder('between.example'), { accountId: a.id })
  })

  await t.test('staff refuse one, and the owners are told', async (t) => {
    const made = await claim('never.example')
    await mailbox(test)
    const sent = await decide(made.id, 'refuse')
    t.match(sent, { status: 200, body: { status: 'refused', domain: null, endedAt: /^\d{4}/ } }, sent.text)
    t.match((await eventsOf(test, b.id)).at(-1), { kind: 'domain.claim_refused', value: { reason: 'Papers were shown' } })
    const [mail] = await mailbox(test)
    t.match(mail, { to: bOwner.address, subject: /claim was refused/, text: new RegExp(`- never.example[^]*claims/${made.id}`) })
    t.equal(await holder('never.example'), undefined)
  })

  await t.test('no claim is not there', async (t) => {
    for (const id of [uuid(), 'no-id']) t.equal((await refusedOf(t, test, () => decide(id, 'confirm'))).status, 404)
  })

  await t.test('C5: nor is one of an account that the client has no tie to, whoever holds its name', async (t) => {
    const shop = await panel(test)
    const own = await account(test, 'Gamma Ltd')
    await db.update(accounts).set({ realm: shop.realm }).where(eq(accounts.id, own.id))
    await domain(test, own, 'gamma.example')
    const held = await domain(test, a, 'alpha-four.example')
    const token = await clientToken(test, shop)
    const wire = listen(test.opened)
    const confirm = (id: string) => {
      const rest = { token, ifMatch: 1, body: { reason: 'Papers were shown' } }
      return send(test, 'POST', `/v1/accounts/${own.id}/domains/claims/${id}/confirm`, rest)
    }
    const shown = async (id: string) => {
      const texts: string[] = []
      // What strangers were refused is counted beside the way of the replies, whenever its timer comes.
      wire.watch = (text) => void (/insert into refused_attempts/.test(text) || texts.push(text))
      const sent = await confirm(id)
      wire.watch = undefined
      t.equal(sent.status, 404, sent.text)
      return { sent: comparable(sent), texts }
    }
    await confirm(uuid()) // what is prepared once per connection
    const absent = await shown(uuid())
    t.ok(absent.texts.length)
    for (const name of [held.name, 'gamma.example', 'nobodys.example']) {
      const { id } = await claim(name)
      t.strictSame(await shown(id), absent, name)
      t.match(await db.select().from(domainClaims).where(eq(domainClaims.id, id)), [{ status: 'pending' }])
    }
  })
})
