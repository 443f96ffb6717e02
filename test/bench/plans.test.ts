/** How the hot statements are run on many rows. `npm run bench -- --plans` asks the same of a million tickets. */
import pg from 'pg'
import t from 'tap'
import { serverUrl } from '../fixtures/database.ts'
import { explain } from './explain.ts'
import { full, idFunction, idOf, kinds, part } from './sizes.ts'
import { openSubject } from './subject.ts'

t.setTimeout(180_000)

const skip = serverUrl === undefined && 'the embedded database plans for nobody else: set TEST_DATABASE_URL to try this on PostgreSQL'

t.test('every hot statement uses an index and reads little more than it needs', { skip }, async (t) => {
  const { statements, url } = await openSubject(t, part(full, 25))
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.ok(statements.size >= 12, 'the requests are there')
  for (const [name, seen] of statements) {
    t.ok(seen.length > 0, `${name} was seen`)
    for (const statement of seen) {
      for (const { plans, faults } of await explain(client, statement)) t.strictSame(faults, [], `${name}, ${plans} plan`)
    }
  }
  const shared = [...statements.values()].filter((seen) => seen.some(({ text }) => text.includes('json_to_recordset')))
  t.ok(shared.length >= 7, 'and the statements for those who ask at once')
  const faulty = await explain(client, { text: 'select count(*) from tickets where subject = $1::text', values: ['x'] })
  t.strictSame(faulty[0]?.faults, ['reads all of tickets'], 'and one that reads everything is noticed')
  await client.query(idFunction)
  const { rows } = await client.query('select bench_id($1, $2) as id', [kinds.grant, 123_456])
  t.equal(rows[0].id, idOf('grant', 123_456), 'the ids of the requests are those of the seed')
  await client.end()
})
