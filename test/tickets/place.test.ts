/** Which account and domain a new ticket is filed under: as stated, never guessed. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { domainNames, domains } from '../../src/database/tables.ts'
import type { Sent } from '../fixtures/app.ts'
import { domain } from '../fixtures/cast.ts'
import { setStage } from './stage.ts'

const stage = await setStage(t)

/** A refusal without what is different every time. */
const essence = ({ status, body }: Sent): object => ({ status, body: { ...body, instance: '' } })

t.test('an account and a domain are found as people name them, and only as stated', async (t) => {
  const { a, b, domains: held, open } = stage

  await t.test('by id or number, in any case', async (t) => {
    for (const name of [a.number, a.id, a.id.toUpperCase()]) {
      t.equal((await open('owner', { account: name })).body.account?.id, a.id, name)
    }
    t.match(await open('owner', { account: a.number.toLowerCase() }), { status: 403 }, 'a number is not folded')
  })

  await t.test('a domain by id or by any spelling of its name', async (t) => {
    const spellings = { alpha: ['ALPHA.Example', 'alpha.example.', held.alpha.id, held.alpha.id.toUpperCase(), 'ａlpha。example'] }
    for (const name of spellings.alpha) {
      const { body } = await open('developer', { domain: name })
      t.strictSame([body.domain?.id, body.host], [held.alpha.id, null], name)
    }
    for (const name of ['bücher.example', 'BÜCHER.EXAMPLE', 'bu\u0308cher.example.', 'xn--bcher-kva.example']) {
      const { body } = await open('owner', { domain: name })
      t.strictSame(body.domain, { id: held.books.id, name: 'xn--bcher-kva.example', unicode: 'bücher.example' }, name)
    }
  })

  await t.test('what is no name is told to anybody before anything is looked up', async (t) => {
    for (const name of ['not a name', 'https://alpha.example/', '127.0.0.1', 'alpha', 'info@alpha.example']) {
      for (const who of ['owner', 'stranger']) {
        const sent = await open(who, { domain: name })
        t.match(sent, { status: 422, body: { code: 'validation_error', errors: [{ pointer: '#/domain', code: 'format' }] } }, name)
      }
    }
  })

  await t.test("another account's domain is as unknown as one that nobody has", async (t) => {
    const reasons = { owner: 'domain_not_in_account', limited: 'domain_not_in_role', developer: 'domain_not_in_grant' }
    for (const who of ['owner', 'limited', 'developer', 'stranger', 'otherOwner', 'support']) {
      const before = await stage.rows('journal_events')
      const foreign = await open(who, { domain: 'beta.example' })
      const invented = await open(who, { domain: 'invented.example' })
      const foreignId = await open(who, { domain: held.beta.id })
      const inventedId = await open(who, { domain: a.id })
      for (const other of [invented, foreignId, inventedId]) t.strictSame(essence(other), essence(foreign), `${who}: the same answer`)
      t.equal(foreign.body.reason, reasons[who as keyof typeof reasons])
      t.strictSame(await stage.rows('journal_events'), before, `${who}: and nothing was written`)
    }
  })

  await t.test('nor does an account that one has no tie to differ from one that nobody has', async (t) => {
    for (const [who, foreign] of [
      ['stranger', a],
      ['otherOwner', a],
      ['owner', b],
      ['developer', b],
    ] as const) {
      const before = await stage.rows()
      const invented = await open(who, { account: 'C-0' })
      t.match(invented, { status: 403, body: { code: 'not_authorised' } })
      t.notOk('reason' in invented.body)
      for (const name of [foreign.number, foreign.id]) t.strictSame(essence(await open(who, { account: name })), essence(invented), who)
      t.strictSame(await stage.rows(), before, 'and nothing was written')
    }
  })

  await t.test('staff are told what is not there, and it is filed nowhere else', async (t) => {
    t.match(await open('support', { domain: 'beta.example' }), {
      status: 422,
      body: { errors: [{ pointer: '#/domain', code: 'unknown' }] },
    })
    const before = await stage.rows()
    const unknown = { status: 422, body: { errors: [{ pointer: '#/account', code: 'unknown' }] } }
    t.match(await open('support', { account: 'C-0' }), unknown)
    t.match(await open('admin', { account: held.alpha.id, domain: null }), unknown)
    t.strictSame(await stage.rows(), before, 'and nothing was written')
  })

  await t.test('a released domain is no domain any more, by name or id', async (t) => {
    const gone = await domain(stage.test, a, 'gone.example')
    await stage.test.context.db.delete(domainNames).where(eq(domainNames.domainId, gone.id))
    await stage.test.context.db
      .update(domains)
      .set({ releasedAt: new Date(stage.test.clock.now()) })
      .where(eq(domains.id, gone.id))
    for (const name of ['gone.example', 'www.gone.example', gone.id]) {
      t.match(await open('owner', { domain: name }), { status: 403, body: { reason: 'domain_not_in_account' } }, name)
    }
    await stage.wait(3_600_000)
    const again = await domain(stage.test, a, 'gone.example')
    t.equal((await open('owner', { domain: 'gone.example' })).body.domain?.id, again.id, 'the name leads to the row that holds it now')
    t.match(await open('owner', { domain: gone.id }), { status: 403 }, 'the id to the old one')
    t.equal((await open('support', { domain: gone.id })).body.domain?.id, gone.id, 'staff file it in the account’s history')
  })

  await t.test('the account is never inferred from the domain', async (t) => {
    t.match(await open('owner', { account: b.number }), { status: 403, body: { code: 'not_authorised' } })
  })
})

t.test('a host below a held domain', async (t) => {
  const { domains: held, open, ask } = stage

  await t.test('belongs to the longest match inside the named account', async (t) => {
    const places: [string, string, string | null][] = [
      ['www.alpha.example', held.alpha.id, 'www.alpha.example'],
      ['WWW.deep.alpha.example.', held.deep.id, 'www.deep.alpha.example'],
      ['deep.alpha.example', held.deep.id, null],
      ['a.b.c.alpha.example', held.alpha.id, 'a.b.c.alpha.example'],
      ['www.bücher.example', held.books.id, 'www.xn--bcher-kva.example'],
    ]
    for (const [stated, domainId, host] of places) {
      const { body } = await open('owner', { domain: stated })
      t.strictSame([body.domain?.id, body.host], [domainId, host], stated)
    }
    t.match(await open('developer', { domain: 'www.alpha.example' }), { status: 201, body: { host: 'www.alpha.example' } })
    t.match(await open('developer', { domain: 'www.deep.alpha.example' }), { status: 403, body: { reason: 'domain_not_in_grant' } })
    t.match(await open('owner', { domain: 'notalpha.example' }), { status: 403 }, 'a longer label is no host below')
  })

  await t.test('that another account holds, too, is answered alike; only staff see it', async (t) => {
    const plain = await open('owner', { domain: 'mail.alpha.example' })
    const taken = await open('owner', { domain: 'shop.alpha.example' })
    const below = await open('developer', { domain: 'www.shop.alpha.example' })
    t.match(taken, { status: 201, body: { domain: { id: held.alpha.id }, host: 'shop.alpha.example' } })
    t.strictSame(Object.keys(taken.body), Object.keys(plain.body), 'the caller sees no difference')
    const seen = async (who: string, { body }: Sent) => (await ask(who, 'GET', `/v1/tickets/${body.id}`)).body
    for (const [ticket, isHeld] of [
      [plain, false],
      [taken, true],
      [below, true],
    ] as const) {
      t.equal((await seen('support', ticket)).hostHeldByOtherAccount, isHeld)
      t.notOk('hostHeldByOtherAccount' in (await seen('owner', ticket)))
      t.notOk('hostHeldByOtherAccount' in ticket.body)
    }
    const listed = (await ask('support', 'GET', '/v1/tickets')).body.items
    t.equal(listed.filter((item: Record<string, unknown>) => item['hostHeldByOtherAccount']).length, 2)
    t.notMatch((await ask('owner', 'GET', '/v1/tickets')).text, /hostHeldByOtherAccount/)
    t.equal((await open('support', { domain: 'www.shop.alpha.example' })).body.hostHeldByOtherAccount, true, 'at once, when they open it')
    const own = await open('otherOwner', { account: stage.b.number, domain: 'www.shop.alpha.example' })
    t.match(own, { status: 201, body: { domain: { id: held.shop.id } } })
    t.equal((await seen('support', own)).hostHeldByOtherAccount, false, 'a name above the domain is no concern of it')
  })
})
