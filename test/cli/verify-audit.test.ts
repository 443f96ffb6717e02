import { sql } from 'drizzle-orm'
import t from 'tap'
import { providerAccountId } from '../../src/database/tables.ts'
import { append } from '../../src/journal/append.ts'
import { sealed } from '../journal/settled.ts'
import { openDesk } from './desk.ts'

t.test('audit:verify proves the trail, and that it continues an earlier one', async (t) => {
  const desk = await openDesk(t)
  const write = (...values: Record<string, unknown>[]) =>
    desk.within(async ({ context: { db } }) => {
      for (const value of values) await append(db, { accountId: providerAccountId, kind: 'service.bootstrapped', at: Date.now(), value })
      await sealed(db)
    })
  await write({ a: 1 }, { a: 2 })
  const first = await desk.spawn(['audit:verify'])
  const head = /Head hash: ([0-9a-f]{64})\n$/.exec(first.out)?.[1] as string
  const whole = 'The audit trail is whole: 2 events at the positions 1 to 2, in 1 seals; 0 events wait for their seal.'
  t.strictSame(first, { code: 0, err: '', out: `${whole}\nOf their values 2 are kept and match, 0 were erased.\nHead hash: ${head}\n` })
  await write({ a: 3 })
  const second = await desk.run(['audit:verify', '--head', head])
  t.match(second, { code: 0, out: /3 events[\s\S]*The expected head is that of seal 1\.\nHead hash: / })
  t.notOk(second.out.endsWith(`${head}\n`))

  await desk.within(({ context: { db } }) =>
    db.transaction(async (tx) => {
      await tx.execute(sql`set local session_replication_role = replica`)
      await tx.execute(
        sql`update journal_events set kind = 'user.created' where id = (select event_id from journal_positions where position = 2)`,
      )
    }),
  )
  t.strictSame(await desk.spawn(['audit:verify']), {
    code: 1,
    out: '',
    err: 'An event at the positions 1 to 2 (seal 1) was changed.\n',
  })
})
