import type { Facts } from './facts.ts'

/** The facts about a user who is not asking himself, as if he had just signed in to ask: without a client and without a narrowed token. */
export function asSignedIn(facts: Facts): Facts {
  const { now, user } = facts
  const id = user?.id ?? ''
  const session = {
    id,
    kind: 'person',
    method: 'password',
    level: 'one_factor',
    authenticatedAt: now,
    expiresAt: now + 1,
    endedAt: null,
  } as const
  return { ...facts, session, client: null, ceiling: null }
}
