/** A person learns by mail that somebody guesses at his password or codes, when the guesses begin to have to wait. */
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { newId } from '../id.ts'
import { postSecurityNotice } from '../outbox/post.ts'

const letters = { 'sign-in': 'password_guessed', 'step-up': 'password_guessed', 'second-factor': 'codes_guessed' } as const

/**
 * What `throttled` calls when free attempts are spent. `userId` says whose they were, once the check has found out; for nobody the same is
 * written, and the letter finds nobody to go to.
 */
export function tellOfGuesses(context: Context, userId: () => string | undefined) {
  return async (kinds: readonly string[]): Promise<void> => {
    const letter = Object.entries(letters).find(([kind]) => kinds.includes(kind))?.[1]
    if (letter === undefined) return
    await changeByProof(context, {}, (tx) => postSecurityNotice(context.jobs, tx, letter, userId() ?? newId()))
  }
}
