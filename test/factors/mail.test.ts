import t from 'tap'
import { postSecurityNotice, securityKinds } from '../../src/outbox/post.ts'
import { issuer, openTestApp } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'
import { mailbox } from '../fixtures/mail.ts'

t.test('letters about the safety of a sign-in', async (t) => {
  const test = await openTestApp(t)
  const { db, jobs } = test.context
  const anna = await person(test, 'Anna')
  const una = await person(test, 'Una Unproven', { proven: false })

  await t.test('go to the address the person has proven, and say what to do', async (t) => {
    for (const kind of securityKinds) {
      await postSecurityNotice(jobs, db, kind, anna.id)
      const [mail, ...rest] = await mailbox(test)
      t.strictSame(rest, [])
      t.match(mail, { to: anna.address, subject: /^[A-Z][a-z ]+ (was|were) [a-z]+/ })
      t.ok(mail?.text.startsWith(`At ${issuer} `))
      t.match(mail?.text, `GET ${issuer}/v1/sessions\n`)
      t.ok(mail?.text.split('\n').every((line) => line.length <= 100))
    }
  })

  await t.test('to an address that is not proven nothing goes', async (t) => {
    await postSecurityNotice(jobs, db, 'factor_added', una.id)
    t.strictSame(await mailbox(test), [])
  })
})
