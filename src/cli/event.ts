import { providerAccountId } from '../database/tables.ts'
import type { Telling } from '../identity/end-sessions.ts'

/**
 * Events about what the operator did at the console. Nobody was signed in, so they have no actor and no capacity: who could be at that
 * console is known to the machine alone.
 */
export const byOperator =
  (now: number): Telling =>
  (kind, rest) => ({ accountId: providerAccountId, kind, at: now, requestId: 'console', ...rest })
