import { PGlite } from '@electric-sql/pglite'
import type { SQL } from 'drizzle-orm'
import pg from 'pg'
import { sqlState } from './errors.ts'
import { gathering, togetherMax } from './gather.ts'
import type { Database } from './open.ts'
import { type Built, build, clientOf, type Statement, send, sendForEach, statement, valuesFor } from './statement.ts'

/**
 * A statement that only reads, yields one row, and that many requests make at once: outside of transactions those of the same moment go to
 * the database together (`gather.ts`), as one statement that runs this one for each row of values. Each has its row when that arrives. One
 * that may have to read very much for somebody should not be shared: others would wait for it.
 */
export function sharedStatement<Row extends object>(name: string, text: SQL): Statement<Row> {
  const perClient = new WeakMap<object, (values: unknown[]) => Promise<Row[]>>()
  let built: Built | undefined

  function asker(db: Database, { names, text: one }: Built): (values: unknown[]) => Promise<Row[]> {
    const [columns, many] = [names.map((_, index) => `p${index}`), forEachOf(one)]
    const byItself = async (values: unknown[]): Promise<Row[]> => {
      const rows = await send(db, name, one, values)
      if (rows.length !== 1) throw new Error('a shared statement yields one row')
      return rows as Row[]
    }
    return gathering<unknown[], Row[]>(async (group, answer) => {
      const [first] = group as [unknown[]]
      if (group.length === 1) return answer(0, await byItself(first))
      const rows = group.map((values, place) => {
        const row: Record<string, unknown> = { '#': place }
        for (const [at, column] of columns.entries()) row[column] = values[at]
        return row
      })
      const waiting = new Set(group.keys())
      try {
        await sendForEach(db, `${name}_each`, many, [JSON.stringify(rows)], (row) => {
          const { '#': place, ...own } = row as Row & { '#': number }
          waiting.delete(place)
          answer(place, [own as unknown as Row])
        })
      } catch (error) {
        // A value that PostgreSQL does not take is the trouble of the request it came with.
        if (sqlState(error)?.startsWith('22') !== true) throw error
        for (const place of waiting) answer(place, byItself(group[place] as unknown[]))
      }
    })
  }

  return {
    async run(db, values) {
      const client = clientOf(db)
      built ??= build(db, text)
      const given = valuesFor(built, values)
      if (!(client instanceof pg.Pool || client instanceof PGlite)) return (await send(db, name, built.text, given)) as Row[]
      const ask = perClient.get(client) ?? asker(db, built)
      perClient.set(client, ask)
      return ask(given)
    },
  }
}

/**
 * The statement for each row of values: `$1` is a list of objects, with their values as `p0`, `p1` … and `#` for the place of each, which
 * no column is called. The limit says how many there can be at most: for more, PostgreSQL would think it worth compiling (jit).
 */
function forEachOf(text: string): string {
  const types: string[] = []
  const inner = text.replaceAll(/\$(\d+)(?:::([a-z]\w*(?:\[\])?))?/g, (_, place: string, type: string | undefined) => {
    const at = Number(place) - 1
    if (type === undefined || (types[at] ?? type) !== type) throw new Error('each value of a shared statement has one type')
    types[at] = type
    return `asked.p${at}`
  })
  const columns = ['"#" int', ...types.map((type, index) => `p${index} ${type}`)]
  return `select answer.*, asked."#" from (select * from json_to_recordset($1::json) given(${columns.join(', ')}) limit ${togetherMax}) asked,
    lateral (${inner}) answer`
}

type Extra = { name: string; column: SQL }

/**
 * A statement in as many forms as there are shapes of what is asked, each with the columns somebody adds to it; each is built once and has
 * a name of its own. Those forms are shared that `isShared`.
 */
export function perShape<Shape extends Record<string, boolean>, Row extends object>(
  name: string,
  isShared: (shape: Shape) => boolean,
  text: (shape: Shape, extra?: Extra) => SQL,
): (shape: Shape, extra?: Extra) => Statement<Row> {
  const known = new Map<string, Statement<Row>>()
  return (shape, extra) => {
    let form = ''
    for (const member in shape) form += shape[member] ? '1' : '0'
    form += extra?.name ?? ''
    let made = known.get(form)
    if (made === undefined) {
      made = (isShared(shape) ? sharedStatement<Row> : statement<Row>)(`${name}_${form}`, text(shape, extra))
      known.set(form, made)
    }
    return made
  }
}
