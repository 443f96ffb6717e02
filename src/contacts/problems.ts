import { Problem } from '../problem.ts'

/** An end is final: who is to come back is invited anew. */
export function hasEnded(): Problem {
  return new Problem('conflict', { detail: 'This contact has ended; invite the person anew' })
}

/** Somebody is one contact in one role only once. */
export function roleTaken(cause: unknown): Problem {
  return new Problem('conflict', { detail: 'The same person is a contact of this account in this role already', cause })
}
