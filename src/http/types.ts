import type { Ask, Authority } from '../authority/judge.ts'
import type { Caller, Loaded } from '../authority/load.ts'
import type { Clause } from '../authority/reach.ts'
import type { Repeatable } from '../database/idempotency.ts'
import type { Access } from './access.ts'

/** What the secured part of a request carries, filled in by `authentication.ts` in the order of checks. */
export type Standing = {
  caller: Caller
  ask: Ask
  /** The facts about what the path names. */
  loaded: Loaded
  /** Set once the route's own question was permitted; undefined where the body names what it is about. */
  authority?: Authority
  /** For lists: what is in reach. */
  clauses: Clause[]
  repeatable: Repeatable | null
  /** From `If-Match`: the version the caller has seen. */
  expectedVersion: number | null
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    standing: Standing | null
    /** Where facts are read late: asks whether the caller is signed in, and throws when he is not. Null once that is known. */
    prove: (() => Promise<void>) | null
  }
}
