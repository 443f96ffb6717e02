/** What is listed newest first comes from an index in that order: otherwise each page of a large account would sort all that it has. */
import { sql } from 'drizzle-orm'
import t from 'tap'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, person, staff } from '../fixtures/cast.ts'
import { listen } from '../races/arena.ts'

const test = await openTestApp(t)
const wire = listen(test.opened)
const a = await account(test, 'Alpha Ltd')
const owner = await person(test, 'Olga Owner')
await contact(test, a, owner, 'owner')
const admin = await staff(test, 'Ada Admin', 'admin')

type Sent = { text: string; values: unknown[] }

/** The statement that a list sends last. */
async function listOf(token: string, url: string): Promise<Sent> {
  let last: Sent | undefined
  wire.watch = (text, values) => {
    if (/ limit /.test(text)) last = { text, values }
  }
  const { status, text } = await send(test, 'GET', url, { token })
  wire.watch = undefined
  if (status !== 200 || last === undefined) throw new Error(`${url}: ${text}`)
  return last
}

const literal = (value: unknown): string =>
  value === null ? 'null' : `'${Array.isArray(value) ? `{${value.join(',')}}` : String(value).replaceAll("'", "''")}'`

/** Whether PostgreSQL must sort to carry it out, when it avoids that wherever it can. */
async function mustSort({ text, values }: Sent): Promise<boolean> {
  const lines = await test.context.db.transaction(async (tx) => {
    for (const way of ['enable_sort', 'enable_seqscan', 'enable_bitmapscan']) await tx.execute(sql.raw(`set local ${way} = off`))
    await tx.execute(sql.raw(`prepare listed as ${text}`))
    const given = values.length === 0 ? '' : `(${values.map(literal).join(', ')})`
    const { rows } = await tx.execute(sql.raw(`explain (costs off) execute listed${given}`))
    await tx.execute(sql.raw('deallocate listed'))
    return rows.map((row) => String(Object.values(row as object)[0]))
  })
  return lines.some((line) => /\bSort\b/.test(line))
}

const lists = {
  'tickets of an account': [owner, `/v1/tickets?account=${a.id}`],
  'tickets of every account': [admin, '/v1/tickets'],
  'events of an account': [owner, `/v1/accounts/${a.id}/audit-events`],
  'events of every account': [admin, '/v1/audit-events'],
  'claims of an account': [owner, `/v1/accounts/${a.id}/domains/claims`],
  'what somebody submitted': [owner, '/v1/submissions'],
  accounts: [admin, '/v1/accounts'],
} as const

for (const [name, [{ token }, url]] of Object.entries(lists)) {
  t.test(`${name} are not sorted for a page`, async (t) => {
    const sent = await listOf(token, url)
    t.equal(await mustSort(sent), false, sent.text)
    t.equal(
      await mustSort({ ...sent, text: sent.text.replaceAll(/ desc nulls last/g, ' desc') }),
      true,
      'as they would be in another order',
    )
  })
}
