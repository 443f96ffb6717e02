/** Lets something happen between a decision and the write it permits. */
import type { Database } from '../../src/database/open.ts'
import type { Statement } from '../../src/database/statement.ts'
import { actOnTicket, actOnTicketOnce, insertCountedTicket, insertTicket } from '../../src/tickets/write.ts'

type Values = Record<string, unknown>
type Outcome = { stood: boolean }
/** Runs before the write of an attempt, counted from 0; may change what is compared. */
type Happening = (attempt: number, values: Values) => Promise<Values | undefined>

const writes = [insertTicket, insertCountedTicket, actOnTicket, actOnTicketOnce] as Statement<Outcome>[]

/**
 * Does `act`, whose writes each come after `happen`.
 * @returns what each write said of the ground, and what `look` saw before and after it
 */
export async function meanwhile<Seen, Result>(
  happen: Happening,
  look: () => Promise<Seen>,
  act: () => Promise<Result>,
): Promise<{ attempts: (Outcome & { before: Seen; after: Seen })[]; result: Result }> {
  const attempts: (Outcome & { before: Seen; after: Seen })[] = []
  const originals = writes.map(({ run }) => run)
  for (const statement of writes) {
    const { run } = statement
    statement.run = async (db: Database, values: Values) => {
      const changed = await happen(attempts.length, values)
      const before = await look()
      const rows = await run(db, changed ?? values)
      attempts.push({ ...(rows[0] as Outcome), before, after: await look() })
      return rows
    }
  }
  try {
    return { result: await act(), attempts }
  } finally {
    for (const [index, statement] of writes.entries()) statement.run = originals[index] as typeof statement.run
  }
}
