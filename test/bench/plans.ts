/** Every hot statement at the size of the bench, with what its plan reads. */
import pg from 'pg'
import { explain } from './explain.ts'
import type { Options } from './options.ts'
import type { Ends } from './places.ts'
import { openSubject } from './subject.ts'

export async function plans(server: string, options: Options, ends: Ends): Promise<object> {
  const { statements, url } = await openSubject(ends, options.sizes, server, options.keep)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const rows: object[] = []
  for (const [request, seen] of statements) {
    for (const [index, statement] of seen.entries()) {
      for (const { plans, milliseconds, read, faults } of await explain(client, statement)) {
        rows.push({ request, statement: index + 1, plans, milliseconds, read, faults })
        console.log(`${request}, statement ${index + 1}, ${plans}: ${milliseconds.toFixed(2)} ms, ${read} rows read ${faults.join('; ')}`)
      }
    }
  }
  await client.end()
  return { sizes: options.sizes, rows }
}
