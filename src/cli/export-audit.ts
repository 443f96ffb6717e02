import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { exportLines } from '../audit/export.ts'
import { listEventsInTime } from '../audit/store.ts'
import type { Context } from '../authority/context.ts'
import { accountRef } from '../http/access.ts'

/** What the operator sees: all of it, as he could read it in the database anyway. */
const everything = [{ account: 'all', domains: 'all', topics: 'all', contactsOnly: true, openedUnder: 'any', openedAfter: null }] as const

/** Writes the audit trail, of one account or whole, to `out` as fast as that takes it, and returns the last line. */
export async function exportAudit({ db }: Context, account: string | undefined, out: { write(text: string): unknown }): Promise<string> {
  const filter = { account: account === undefined ? undefined : accountRef(account) }
  const lines = exportLines({
    read: (after, limit) => listEventsInTime(db, { clauses: everything, filter, after, limit, forStaff: true }),
    isStopping: () => false,
    failed: (error) => {
      throw error
    },
  })
  let last = ''
  for await (const batch of lines) {
    if (last !== '' && out.write(last) === false) await once(out as Writable, 'drain')
    last = batch
  }
  return last.trimEnd()
}
