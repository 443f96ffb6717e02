import t from 'tap'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'

/** A deny that tells a stranger nothing but where anyone may ask for such an action. */
const denied = {
  decision: false,
  context: {
    access_request: [
      { rel: 'submission', method: 'POST', href: '/v1/submissions' },
      { rel: 'grant-request', method: 'POST', href: '/v1/grant-requests' },
    ],
  },
}

t.test('the decision point', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  await domain(test, a, 'alpha-two.example')
  await domain(test, b, 'beta.example')
  const owner = await person(test, 'Olga Owner')
  const technical = await person(test, 'Tom Technical')
  const developer = await person(test, 'Dan Developer')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const ownerContact = await contact(test, a, owner, 'owner')
  const technicalContact = await contact(test, a, technical, 'technical')
  const given = await grant(test, a, ownerContact, developer, [a1])
  const me = (id: string) => ({ type: 'user', id })
  const ask = (token: string | undefined, body: unknown, headers: Record<string, string> = {}) =>
    send(test, 'POST', '/access/v1/evaluation', { token, body, headers })
  const batch = (token: string, body: unknown) => send(test, 'POST', '/access/v1/evaluations', { token, body })
  const may = (who: { id: string }, name: string, resource: object, context: object = {}) => ({
    subject: me(who.id),
    action: { name },
    resource,
    context,
  })
  const onAlpha = { type: 'domain', id: 'ALPHA.example.' }
  const website = { account: a.number, topic: 'website' }

  await t.test('says what the routes would, by which row, and why not', async (t) => {
    t.match(await ask(developer.token, may(developer, 'ticket.create', onAlpha, website)), {
      status: 200,
      body: { decision: true, context: { via: { capacity: 'grant', id: given }, revision: Number } },
    })
    t.match((await ask(developer.token, may(developer, 'ticket.create', { type: 'domain', id: 'alpha-two.example' }, website))).body, {
      decision: false,
      context: { reason: 'domain_not_in_grant' },
    })
    t.match((await ask(owner.token, may(owner, 'account.update', { type: 'account', id: a.number }))).body, { decision: true })
    t.match((await ask(technical.token, may(technical, 'account.update', { type: 'account', id: a.id }))).body, {
      decision: false,
      context: { reason: 'action_not_in_role' },
    })
    t.match((await ask(support.token, may(support, 'staff.ticket.work', { type: 'provider', id: 'provider' }))).body, { decision: true })
    const body = { account: a.number, domain: 'alpha.example', topic: 'other', subject: 'Broken', message: 'It broke.' }
    const ticket = (await send(test, 'POST', '/v1/tickets', { token: developer.token, key: true, body })).body.id
    t.equal((await ask(developer.token, may(developer, 'ticket.read', { type: 'ticket', id: ticket }))).body.decision, true)
    t.equal((await ask(technical.token, may(technical, 'ticket.read', { type: 'ticket', id: ticket }))).body.decision, true)
    t.strictSame((await ask(stranger.token, may(stranger, 'ticket.read', { type: 'ticket', id: ticket }))).body, denied)
    t.match((await ask(owner.token, may(owner, 'ticket.create', { type: 'ticket', id: ticket }))).body, { decision: false })
  })

  await t.test('tells a stranger the same of what exists and of what does not', async (t) => {
    const real = await ask(stranger.token, may(stranger, 'ticket.create', onAlpha, website))
    const invented = await ask(stranger.token, may(stranger, 'ticket.create', onAlpha, { ...website, account: 'C-0' }))
    t.strictSame(real.body, denied)
    t.equal(real.text, invented.text)
  })

  await t.test('guesses nothing: a domain without its account, unknown types, ids and actions are a deny', async (t) => {
    for (const resource of [
      onAlpha,
      { type: 'spaceship', id: 'x' },
      { type: 'ticket', id: 'x' },
      { type: 'ticket', id: a.id },
      { type: 'account', id: 'C-0' },
    ]) {
      t.strictSame((await ask(owner.token, may(owner, 'ticket.create', resource))).body, denied, JSON.stringify(resource))
    }
    t.match((await ask(owner.token, may(owner, 'fly', onAlpha, website))).body, { decision: false })
    t.match((await ask(owner.token, may(owner, 'ticket.create', { type: 'domain', id: 'no name' }, website))).body, { decision: false })
    t.strictSame(
      (await ask(owner.token, { ...may(owner, 'ticket.create', onAlpha, website), subject: { type: 'machine', id: owner.id } })).body,
      denied,
    )
  })

  await t.test('about others it answers those who may know: contacts of the account and staff', async (t) => {
    const about = may(developer, 'ticket.create', onAlpha, website)
    t.match((await ask(owner.token, about)).body, { decision: true, context: { via: { id: given } } })
    t.match((await ask(support.token, about)).body, { decision: true })
    t.match((await ask(technical.token, may(owner, 'grant.manage', { type: 'account', id: a.number }))).body, {
      decision: true,
      context: { via: { id: ownerContact } },
    })
    for (const asker of [developer, stranger]) {
      t.strictSame((await ask(asker.token, may(technical, 'ticket.create', onAlpha, website))).body, denied)
    }
    t.strictSame((await ask(owner.token, may(developer, 'ticket.create', { type: 'provider', id: 'x' }))).body, denied)
    t.strictSame((await ask(owner.token, may({ id: a.id }, 'ticket.create', onAlpha, website))).body, denied)
  })

  await t.test('C3: nothing a request brings along widens a decision', async (t) => {
    const boasting = {
      ...may(stranger, 'ticket.create', { ...onAlpha, properties: { accountId: a.id } }, { ...website, staff: true, ceiling: null }),
      subject: { ...me(stranger.id), properties: { role: 'owner', contacts: [{ accountId: a.id, role: 'owner' }] } },
      facts: { contacts: [{ role: 'owner' }] },
    }
    t.strictSame((await ask(stranger.token, boasting)).body, denied)
  })

  await t.test('S5: each answer of a batch is that of the same question alone, in its place', async (t) => {
    const items = [owner, technical, developer, stranger, support].flatMap((who) =>
      ['ticket.create', 'domain.read', 'contact.read', 'grant.manage', 'self.read', 'nonsense'].flatMap((action) =>
        [onAlpha, { type: 'domain', id: 'beta.example' }, { type: 'account', id: a.id }, { type: 'ticket', id: a1.id }].map((resource) =>
          may(who, action, resource, website),
        ),
      ),
    )
    for (const { token } of [owner, developer, stranger]) {
      const { body } = await batch(token, { evaluations: items })
      const alone = []
      for (const item of items) alone.push((await ask(token, item)).body)
      t.strictSame(body.evaluations, alone)
    }
  })

  await t.test('a batch: defaults, whole entities replaced, order and length kept', async (t) => {
    const items = [
      {},
      { resource: { type: 'domain', id: 'alpha-two.example' } },
      { action: { name: 'domain.read' } },
      { resource: { type: 'domain' } },
      'nonsense',
      { subject: me(technical.id), context: { account: a.number, topic: 'website' } },
    ]
    const { status, body } = await batch(developer.token, { ...may(developer, 'ticket.create', onAlpha, website), evaluations: items })
    t.equal(status, 200)
    t.strictSame(
      body.evaluations.map(({ decision }: { decision: boolean }) => decision),
      [true, false, false, false, false, false],
    )
    t.match(body.evaluations[3].context.error, { status: 400, message: /resource.id/ })
    t.match(body.evaluations[4].context.error, { status: 400 })
    for (const [at, item] of items.slice(0, 3).entries()) {
      const one = await ask(developer.token, { ...may(developer, 'ticket.create', onAlpha, website), ...(item as object) })
      t.strictSame(body.evaluations[at], one.body, `the same as item ${at} alone`)
    }
  })

  await t.test('a batch stops where its semantic says', async (t) => {
    const evaluations = [{}, { action: { name: 'domain.read' } }, {}]
    const of = (evaluations_semantic: string) =>
      batch(developer.token, { ...may(developer, 'ticket.create', onAlpha, website), evaluations, options: { evaluations_semantic } })
    const decisions = async (semantic: string) =>
      (await of(semantic)).body.evaluations.map(({ decision }: { decision: boolean }) => decision)
    t.strictSame(await decisions('execute_all'), [true, false, true])
    t.strictSame(await decisions('deny_on_first_deny'), [true, false])
    t.strictSame(await decisions('permit_on_first_permit'), [true])
    t.equal((await of('whatever')).status, 400)
  })

  await t.test('no evaluations, or none in the list, is a single one', async (t) => {
    const one = may(developer, 'ticket.create', onAlpha, website)
    t.match((await batch(developer.token, one)).body, { decision: true })
    t.match((await batch(developer.token, { ...one, evaluations: [] })).body, { decision: true })
    t.equal((await batch(developer.token, { evaluations: [] })).status, 400)
  })

  await t.test('what cannot be read is 400, and unknown members are ignored', async (t) => {
    const good = may(developer, 'ticket.create', onAlpha, website)
    t.equal((await ask(developer.token, { ...good, foo: 1, futureField: {} })).status, 200)
    const { subject: _subject, ...subjectless } = good
    const bad: unknown[] = [
      subjectless,
      { ...good, subject: 'alice' },
      { ...good, subject: { id: 'x' } },
      { ...good, subject: { type: 'user' } },
      { ...good, action: {} },
      { ...good, action: { name: 123 } },
      { ...good, resource: { type: 'domain' } },
      { ...good, context: 'x' },
      [],
      '{not json',
      '',
    ]
    for (const body of bad)
      t.match(await ask(developer.token, body), { status: 400, body: { code: 'malformed_request' } }, JSON.stringify(body))
    t.equal((await ask(developer.token, JSON.stringify(good), { 'content-type': 'text/plain' })).status, 400)
    for (const evaluations of ['x', new Array(1_001).fill({})])
      t.equal((await batch(developer.token, { ...good, evaluations })).status, 400)
    t.equal((await batch(developer.token, { ...good, evaluations: [{}], options: 1 })).status, 400)
    t.equal((await ask(undefined, good)).status, 401)
  })

  await t.test('echoes the request id and is found where the standard looks for it', async (t) => {
    const reply = await ask(developer.token, may(developer, 'ticket.create', onAlpha, website), {
      'x-request-id': 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716',
    })
    t.equal(reply.headers['x-request-id'], 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716')
    const { body } = await send(test, 'GET', '/.well-known/authzen-configuration', { headers: { host: 'evil.example' } })
    t.strictSame(body, {
      policy_decision_point: 'http://mandate.test',
      access_evaluation_endpoint: 'http://mandate.test/access/v1/evaluation',
      access_evaluations_endpoint: 'http://mandate.test/access/v1/evaluations',
      search_subject_endpoint: 'http://mandate.test/access/v1/search/subject',
      search_resource_endpoint: 'http://mandate.test/access/v1/search/resource',
      search_action_endpoint: 'http://mandate.test/access/v1/search/action',
    })
  })
  t.ok(technicalContact)
})

t.test('S5: a batch says of each what it would be told alone, also of a name that was released and is held again', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const owner = await person(test, 'Olga Owner')
  await contact(test, a, owner, 'owner')
  const former = await domain(test, a, 'shop.example')
  const body = { account: a.number, domain: 'shop.example', topic: 'other', subject: 'Broken', message: 'It broke.' }
  const ticket = await send(test, 'POST', '/v1/tickets', { token: owner.token, key: true, body })
  const released = await send(test, 'DELETE', `/v1/accounts/${a.number}/domains/${former.id}`, { token: owner.token })
  t.equal(released.status, 204)
  test.clock.advance(120_000)
  await domain(test, a, 'shop.example')
  const questions = [
    { action: { name: 'ticket.read' }, resource: { type: 'ticket', id: ticket.body.id } },
    { action: { name: 'ticket.create' }, resource: { type: 'domain', id: 'shop.example' }, context: { account: a.number, topic: 'other' } },
    { action: { name: 'ticket.create' }, resource: { type: 'domain', id: former.id }, context: { account: a.number, topic: 'other' } },
  ]
  const subject = { type: 'user', id: owner.id }
  const ask = (path: string, asked: object) => send(test, 'POST', `/access/v1/${path}`, { token: owner.token, body: { subject, ...asked } })
  const alone = []
  for (const question of questions) alone.push((await ask('evaluation', question)).body)
  t.match(alone, [{ decision: true }, { decision: true }, { decision: false, context: { reason: 'domain_not_in_account' } }])
  for (const evaluations of [questions, questions.toReversed()]) {
    const { body } = await ask('evaluations', { evaluations })
    t.strictSame(evaluations === questions ? body.evaluations : body.evaluations.toReversed(), alone)
  }
})
