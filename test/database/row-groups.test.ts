import { sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { rowGroups } from '../../src/database/row-groups.ts'
import { accounts } from '../../src/database/tables.ts'
import { openTestDatabase } from '../fixtures/database.ts'

const { db } = await openTestDatabase(t)

const columns = rowGroups(accounts, ['name', 'version', 'createdAt', 'id', 'accessUntil', 'authorityRevision'])
const all = 'p as (select * from accounts order by number)'

/** Rows as they are read while the session is in a time zone. */
const read = (zone: string) =>
  db.transaction(async (tx) => {
    await tx.execute(sql.raw(`set local time zone '${zone}'`))
    const { rows } = await tx.execute(sql`with ${sql.raw(all)} select ${columns.all('p')} as rows,
      (select ${columns.one('t')} from accounts t order by number limit 1) as row`)
    const [{ rows: groups, row }] = rows as [{ rows: never; row: never }]
    return { groups: columns.readAll(groups), row: row === null ? null : columns.readOne(row) }
  })

t.test('no rows are none', async (t) => {
  t.strictSame(await read('UTC'), { groups: [], row: null })
})

t.test('each row comes back with its own values, whatever they are', async (t) => {
  const instant = (text: string) => new Date(text)
  const made = [
    { name: 'Quoted "x", {y} \\ NULL', createdAt: instant('2026-11-22T14:34:26.799Z'), accessUntil: null },
    { name: 'NULL', createdAt: instant('2026-11-22T14:34:26.790Z'), accessUntil: instant('2026-12-31T23:59:59.999Z') },
    { name: 'Ünïcode', createdAt: instant('2026-11-22T14:34:26Z'), accessUntil: instant('2027-01-01T00:00:00.5Z') },
  ].map((row, index) => ({
    ...row,
    id: uuid(),
    number: `C-${index}`,
    state: 'open' as const,
    stateChangedAt: new Date(0),
    version: index + 1,
    authorityRevision: index,
  }))
  await db.insert(accounts).values(made)
  const expected = made.map(({ name, version, createdAt, id, accessUntil, authorityRevision }) => ({
    name,
    version,
    createdAt: createdAt.toISOString(),
    id,
    accessUntil: accessUntil?.toISOString() ?? null,
    authorityRevision,
  }))
  for (const zone of ['UTC', 'Asia/Kathmandu', 'America/St_Johns']) {
    const { groups, row } = await read(zone)
    t.same(groups, expected, zone)
    t.same(row, expected[0], zone)
  }
})
