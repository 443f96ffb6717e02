/** Requests of the same moment read their facts in one statement (`src/database/gather.ts`): nobody may notice. */
import t from 'tap'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'

t.setTimeout(90_000)

t.test('S5: whoever asks in the same moment as others is answered as if he were alone', async (t) => {
  const test = await openTestApp(t)
  const people: { id: string; token: string }[] = [await staff(test, 'Sue Support', 'support'), await person(test, 'Stan Stranger')]
  const paths: string[] = ['/v1/me', '/v1/me/authority', '/v1/tickets']
  const places: { number: string; names: string[] }[] = []
  for (const name of ['alpha', 'beta', 'gamma']) {
    const a = await account(test, name)
    const [first, second] = [await domain(test, a, `${name}.example`), await domain(test, a, `${name}-two.example`)]
    const [owner, limited, developer] = [await person(test, `${name} o`), await person(test, `${name} l`), await person(test, `${name} d`)]
    const giver = await contact(test, a, owner, 'owner')
    await contact(test, a, limited, 'technical', [second])
    await grant(test, a, giver, developer, [first])
    people.push(owner, limited, developer)
    places.push({ number: a.number, names: [`${name}.example`, `${name}-two.example`] })
    for (const { token } of [owner, developer]) {
      const body = { account: a.number, domain: `${name}.example`, topic: 'other', subject: 'It broke', message: `At ${name}.` }
      const { status, body: ticket } = await send(test, 'POST', '/v1/tickets', { token, key: true, body })
      t.equal(status, 201)
      paths.push(`/v1/tickets/${ticket.id}`)
    }
    paths.push(`/v1/accounts/${a.number}`, `/v1/tickets?account=${a.number}`)
  }
  const questions = places.flatMap(({ number, names }) =>
    names.flatMap((id) =>
      ['ticket.create', 'grant.manage'].map((name) => ({
        action: { name },
        resource: { type: 'domain', id },
        context: { account: number },
      })),
    ),
  )
  type Asked = () => ReturnType<typeof send>
  const asked = people.flatMap(({ id, token }): Asked[] => [
    ...paths.map((path) => () => send(test, 'GET', path, { token })),
    ...questions.map(
      (one) => () => send(test, 'POST', '/access/v1/evaluation', { token, body: { subject: { type: 'user', id }, ...one } }),
    ),
  ])
  // What differs from one request to the next is no answer.
  const shown = ({ status, body }: Awaited<ReturnType<Asked>>) => JSON.stringify([status, { ...body, instance: undefined, at: undefined }])
  const alone: string[] = []
  for (const one of asked) alone.push(shown(await one()))
  t.ok(new Set(alone).size > 30, 'the answers differ from one another')
  const together = (await Promise.all(asked.map((one) => one()))).map(shown)
  t.strictSame(together, alone)
  // In another order each has other neighbours.
  const order = asked.map((_, index) => (index * 37) % asked.length)
  t.equal(new Set(order).size, asked.length, 'each once')
  const mixed = await Promise.all(order.map((place) => (asked[place] as Asked)()))
  t.strictSame(
    mixed.map(shown),
    order.map((place) => alone[place]),
  )
})

t.test('R1: a decision that is asked after a revocation was answered is not justified by what went, however many ask', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const shop = await domain(test, a, 'shop.example')
  const owner = await person(test, 'Olga Owner')
  const giver = await contact(test, a, owner, 'owner')
  const developer = await person(test, 'Dora Developer')
  const body = {
    subject: { type: 'user', id: developer.id },
    action: { name: 'ticket.create' },
    resource: { type: 'domain', id: 'shop.example' },
    context: { account: a.number, topic: 'website' },
  }
  const decide = async (): Promise<boolean> =>
    (await send(test, 'POST', '/access/v1/evaluation', { token: developer.token, body })).body.decision
  for (let round = 0; round < 15; round++) {
    const id = await grant(test, a, giver, developer, [shop])
    let [isRevoked, isOver, late, permitted] = [false, false, 0, 0]
    const asker = async (): Promise<void> => {
      while (!isOver) {
        const after = isRevoked
        const permit = await decide()
        if (permit) permitted++
        if (permit && after) late++
      }
    }
    const askers = Array.from({ length: 12 }, asker)
    while (permitted < 24) await decide()
    const { status } = await send(test, 'POST', `/v1/accounts/${a.number}/grants/${id}/revoke`, { token: owner.token, body: {} })
    isRevoked = true
    t.equal(status, 200, 'revoked')
    for (let more = 0; more < 20; more++) if (await decide()) late++
    isOver = true
    await Promise.all(askers)
    t.equal(late, 0, 'none is late')
  }
})
