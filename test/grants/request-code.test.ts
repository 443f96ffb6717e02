import t from 'tap'
import { requestCodes } from '../../src/database/tables.ts'
import { hashOf } from '../../src/outbox/secret.ts'
import { send } from '../fixtures/app.ts'
import { eventsOf, ledger, refusedOf } from '../fixtures/ledger.ts'
import { setStage } from './stage.ts'

t.test('the request code of an account', async (t) => {
  const { test, a, owner, manager, limited, technical } = await setStage(t)
  const path = `/v1/accounts/${a.number}/request-code`
  const call = (method: string, token = owner.token, rest = {}) => send(test, method, path, { token, ...rest })
  const stored = () => test.context.db.select().from(requestCodes)

  await t.test('at first there is none', async (t) => {
    t.match(await call('GET'), { status: 200, body: { exists: false, createdAt: null, createdBy: null } })
    const before = await ledger(test)
    t.equal((await call('DELETE')).status, 204, 'and taking it away changes nothing')
    t.strictSame((await ledger(test))['events'], before['events'])
  })

  await t.test('made, it is shown once, kept as a digest, and long', async (t) => {
    const made = await call('POST', manager.token, { key: 'make-code' })
    t.match(made, {
      status: 201,
      headers: { location: `/v1/accounts/${a.id}/request-code` },
      body: { exists: true, createdBy: { id: manager.id } },
    })
    t.match(made.body.code, /^[A-Za-z0-9_-]{43}$/)
    t.match(await stored(), [{ accountId: a.id, codeHash: hashOf(made.body.code), createdBy: manager.id }])
    const read = await call('GET')
    t.match(read.body, { exists: true, createdAt: made.body.createdAt })
    t.notMatch(read.text, made.body.code)
    const again = await call('POST', manager.token, { key: 'make-code' })
    t.match(again, { status: 201, headers: { 'idempotency-replayed': 'true' }, body: { code: null, note: /make another/ } })
    t.strictSame(
      (await eventsOf(test, a.id)).map(({ kind }) => kind),
      ['request_code.made'],
    )
    t.notMatch(JSON.stringify(await test.context.db.execute('select * from idempotency_keys')), made.body.code, 'U5')
  })

  await t.test('made anew, it takes the place of the one before', async (t) => {
    const [before] = await stored()
    const made = await call('POST')
    t.match(await stored(), [{ codeHash: hashOf(made.body.code), createdBy: owner.id }])
    t.not((await stored())[0]?.codeHash.toString('hex'), before?.codeHash.toString('hex'))
  })

  await t.test('taken away, there is none', async (t) => {
    t.equal((await call('DELETE')).status, 204)
    t.equal((await call('DELETE')).status, 204)
    t.strictSame(
      [await stored(), (await eventsOf(test, a.id)).map(({ kind }) => kind)],
      [[], ['request_code.made', 'request_code.made', 'request_code.removed']],
    )
  })

  await t.test('only who manages it may', async (t) => {
    for (const { token } of [limited, technical]) {
      for (const method of ['GET', 'POST', 'DELETE']) t.equal((await refusedOf(t, test, () => call(method, token))).status, 403, method)
    }
  })
})
