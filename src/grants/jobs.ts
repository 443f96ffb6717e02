/** What time does to grants, as work that comes again. */
import type { Context } from '../authority/context.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { recordEnds } from './ends.ts'
import { postExpiryNotices } from './expiry-notices.ts'

/**
 * The handler of the queue `grants`: records ends and announces those that are near. Several processes may run it at once; a commit touches
 * `atOnce` rows at most.
 */
export function sweepGrants(context: Context, atOnce = 100): JobHandler {
  return async () => {
    await recordEnds(context, atOnce)
    await postExpiryNotices(context, atOnce)
  }
}
