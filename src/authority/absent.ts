/** Decisions about somebody who is not asking: whom a letter goes to, who is on the telephone, whose submission was consented to. */
import type { Database } from '../database/open.ts'
import type { SessionFact } from './facts.ts'
import { type Loaded, load, type Named } from './load.ts'
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
