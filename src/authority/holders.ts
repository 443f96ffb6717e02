/** Who of an account's contacts may do something: whom to tell that there is something to decide. */
import { and, eq } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { contacts } from '../database/tables.ts'
import { decide } from './decide.ts'
import type { Facts, Question } from './facts.ts'
import { load } from './load.ts'

/**
 * The users of the active contacts for whom the question is a permit, asked of each as if he had just signed in. `clockOffset` in ms;
 * 0 outside tests.
 */
export async function holdersOf(db: Database, clockOffset: number, accountId: string, question: Question): Promise<string[]> {
  const active = and(eq(contacts.accountId, accountId), eq(contacts.status, 'active'))
  const rows = await db.selectDistinct({ userId: contacts.userId }).from(contacts).where(active).orderBy(contacts.userId)
  const holders: string[] = []
  for (const { userId } of rows) {
    const { facts } = await loadPerson(db, clockOffset, userId as string, accountId)
    if (decide(facts, question, facts.now).permit) holders.push(userId as string)
  }
  return holders
}

const noSession = '00000000-0000-0000-0000-000000000000'

/** The facts about a person who is not asking, as if he had just signed in himself. */
export async function loadPerson(db: Database, clockOffset: number, userId: string, accountId: string): Promise<{ facts: Facts }> {
  const person = { userId, clientId: null, ceiling: null, sessionId: noSession, requestId: '', authenticatedAt: 0 }
  const { facts } = await load(db, clockOffset, person, { account: { id: accountId } })
  const { now } = facts
  const session = {
    id: noSession,
    kind: 'person',
    method: 'email:proven',
    level: 'mailbox',
    authenticatedAt: now,
    expiresAt: now + 1,
    endedAt: null,
  } as const
  return { facts: { ...facts, session } }
}
