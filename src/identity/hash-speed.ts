/** What a password hash takes on this machine, told to the operator where it is too much: the setting is his, and is never changed by itself. */
import type { Log } from '../database/open.ts'
import { type Cost, hashPassword } from './passwords.ts'

/** Two at once, and a handful who sign in, and people begin to notice; in milliseconds. */
export const slowMs = 500

/** Hashes twice, since the first time everything is cold, and warns when the quicker one took `slow` ms or longer. */
export async function tellSlowHashing(cost: Cost, log: Pick<Log, 'warn'>, slow: number = slowMs): Promise<void> {
  const times: number[] = []
  for (const _ of ['cold', 'warm']) {
    const begun = performance.now()
    await hashPassword(cost, 'how long does it take')
    times.push(performance.now() - begun)
  }
  const milliseconds = Math.round(Math.min(...times))
  if (milliseconds < slow) return
  log.warn({ milliseconds }, 'a password hash is slow here, and so is every sign-in: see PASSWORD_HASH_MEMORY_KIB and PASSWORD_HASH_PASSES')
}
