/** Decisions about somebody who is not asking: whom a letter goes to, who is on the telephone, whose submission was consented to. */
import { sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { statement, value } from '../database/statement.ts'
import type { ClientFact, SessionFact } from './facts.ts'
import { type Loaded, load, type Named } from './load.ts'
import { clientColumns, objectOf } from './objects.ts'
import { asSignedIn } from './own-session.ts'

/** Belongs to nobody. */
const noSession = '00000000-0000-0000-0000-000000000000'

/** For as long as an act on it takes. */
const presentMs = 60_000

/** The facts about a person and what is named, as if he had just signed in to ask. */
export async function loadAbsent(db: Database, clockOffset: number, userId: string, named: Named): Promise<Loaded> {
  const caller = { userId, clientId: null, ceiling: null, sessionId: noSession, requestId: '', authenticatedAt: 0 }
  const loaded = await load(db, clockOffset, caller, named)
  const facts = asSignedIn(loaded.facts)
  const session: SessionFact = { ...(facts.session as SessionFact), expiresAt: facts.now + presentMs }
  return { ...loaded, facts: { ...facts, session } }
}

const oneClient = statement<{ client: ClientFact }>(
  'authority_absent_client',
  sql`select ${objectOf(clientColumns)} as client from clients cl where cl.id = ${value('client', 'uuid')}`,
)

/** The same through the service he acted by, if it was one: what it may not ask for him, it does not come to by being waited for. */
export async function loadThrough(
  db: Database,
  clockOffset: number,
  { userId, clientId }: { userId: string; clientId: string | null },
  named: Named,
): Promise<Loaded> {
  const loaded = await loadAbsent(db, clockOffset, userId, named)
  if (clientId === null) return loaded
  const [row] = await oneClient.run(db, { client: clientId })
  if (row === undefined) throw new Error('there is no such client')
  return { ...loaded, facts: { ...loaded.facts, client: row.client } }
}
