import { eq } from 'drizzle-orm'
import { decodeJwt } from 'jose'
import t from 'tap'
import { journalEvents, recoveryCodes, throttles } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'
import { mailbox } from '../fixtures/mail.ts'
import { eventsBy, factorsPath, guarded, signInWith, stepUpWith } from './stage.ts'

t.test('recovery codes', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  t.beforeEach(() => db.delete(throttles))
  const make = (token: string, key?: string) => send(test, 'POST', `${factorsPath}/recovery-codes`, { token, ...(key && { key }) })

  await t.test('stand in for a lost factor, each once, and the person is told', async (t) => {
    const anna = await guarded(test, 'Anna')
    const [first = '', second = '', third = ''] = anna.recoveryCodes
    await mailbox(test)
    const reply = await signInWith(test, anna.address, first)
    t.equal(reply.status, 201, reply.text)
    t.strictSame(decodeJwt(reply.body.accessToken)['amr'], ['pwd', 'otp', 'mfa'])
    t.match(await mailbox(test), [{ to: anna.address, subject: 'A recovery code was used' }])
    const [used] = await db.select().from(journalEvents).where(eq(journalEvents.kind, 'factor.recovery_code_used'))
    t.match(used, { actorUserId: anna.id, verification: 'password+totp', verifiedAt: used?.at as Date })
    t.match(await signInWith(test, anna.address, first), { status: 401, body: { code: 'second_factor_required' } })
    t.equal((await stepUpWith(test, reply.body.accessToken, second)).status, 200, 'also at step-up')
    const typed = ` ${third.replaceAll('-', ' ').replaceAll('0', 'O').replaceAll('1', 'l').toUpperCase()} `
    t.equal((await signInWith(test, anna.address, typed)).status, 201, 'however they are typed')
    t.strictSame(await mailbox(test).then((mails) => mails.length), 2)
  })

  await t.test('let exactly one of many at once in', async (t) => {
    const anna = await guarded(test, 'Anna')
    const sent = await Promise.all(Array.from({ length: 4 }, () => signInWith(test, anna.address, anna.recoveryCodes[0])))
    t.strictSame(sent.map(({ status }) => status).sort(), [201, 401, 401, 401])
  })

  await t.test("are nobody else's", async (t) => {
    const anna = await guarded(test, 'Anna')
    const berta = await guarded(test, 'Berta')
    t.equal((await signInWith(test, berta.address, anna.recoveryCodes[0])).status, 401)
    t.equal((await signInWith(test, anna.address, anna.recoveryCodes[0])).status, 201)
  })

  await t.test('can be made anew, which voids the former ones', async (t) => {
    const anna = await guarded(test, 'Anna')
    const made = await make(anna.token, 'anew')
    t.equal(made.status, 201, made.text)
    const fresh: string[] = made.body.recoveryCodes
    t.equal(fresh.length, 10)
    t.strictSame(
      fresh.filter((code) => anna.recoveryCodes.includes(code)),
      [],
    )
    t.match(await make(anna.token, 'anew'), { status: 201, headers: { 'idempotency-replayed': 'true' }, body: { recoveryCodes: null } })
    t.equal(await db.$count(recoveryCodes, eq(recoveryCodes.userId, anna.id)), 10)
    t.equal((await signInWith(test, anna.address, anna.recoveryCodes[0])).status, 401)
    t.equal((await signInWith(test, anna.address, fresh[0])).status, 201)
    t.equal((await eventsBy(test, anna.id)).filter((kind) => kind === 'factor.recovery_codes_made').length, 1)
  })

  await t.test('are not for one who has no factor', async (t) => {
    const nick = await person(test, 'Nick')
    t.match(await make(nick.token), { status: 409, body: { code: 'conflict' } })
  })
})
