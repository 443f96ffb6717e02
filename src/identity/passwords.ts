/**
 * Passwords: what one must be, and its hash (argon2id, RFC 9106). Hashing takes tens of milliseconds and a thread of the pool that
 * files and names are read with, so there are a place or two for it in a process, a few more wait, and beyond that the answer is 503.
 * Never hash inside a transaction.
 */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import argon2 from 'argon2'
import type { Config } from '../config.ts'
import { createQueue } from '../database/queue.ts'
import { invalid, type Problem } from '../problem.ts'

/** What one hash costs. Argon2's lanes stay at one: more would only take threads from others. */
export type Cost = Pick<Config, 'passwordHashMemoryKib' | 'passwordHashPasses'>

/** Two, but always one fewer than there are processors: everything else needs one of its own. */
export const placesOf = (processors: number): number => Math.max(1, Math.min(2, processors - 1))
export const places: number = placesOf(availableParallelism())
const waitingMost = 32

/**
 * How long a place rests while others wait, in ms: six times as long as it worked, a quarter of a second at most. At a dozen sign-ins a
 * second a crowd of them disturbs fewer than one in a hundred of other requests; measured by `test/measure/sign-in.ts`.
 */
export const restAfter = (worked: number): number => Math.min(6 * worked, 250)

/** The one queue of this process. */
export const hashing = createQueue(places, waitingMost, restAfter)

/** The hash of a password in PHC form. @throws Problem `unavailable` when too many wait. */
export const hashPassword = (cost: Cost, password: string): Promise<string> => hashing.run(() => hashInPlace(cost, password))

/** The same where the caller holds a place already. */
export function hashInPlace(cost: Cost, password: string): Promise<string> {
  const options = { memoryCost: cost.passwordHashMemoryKib, timeCost: cost.passwordHashPasses, parallelism: 1 }
  return argon2.hash(composed(password), options)
}

/**
 * Whether the password belongs to the stored hash. Without one (nobody has this address, or the user has no password) it is compared
 * with a hash of nothing, so that the answer takes as long. @throws Problem `unavailable` when too many wait.
 */
export const verifyPassword = (cost: Cost, stored: string | null, password: string): Promise<boolean> =>
  hashing.run(() => verifyInPlace(cost, stored, password))

/** The same where the caller holds a place already. */
export function verifyInPlace(cost: Cost, stored: string | null, password: string): Promise<boolean> {
  return argon2.verify(stored ?? hashOfNothing(cost), composed(password))
}

/** Whether the configuration asks for more than the stored hash cost. A weaker setting never weakens what is stored. */
export function isWeaker(cost: Cost, stored: string): boolean {
  const parameter = (name: string): number => Number(new RegExp(`[$,]${name}=(\\d+)`).exec(stored)?.[1])
  const more = [cost.passwordHashMemoryKib - parameter('m'), cost.passwordHashPasses - parameter('t')]
  return more.every((difference) => difference >= 0) && more.some((difference) => difference > 0)
}

const shortest = 12
const longest = 1_024

/**
 * Refuses a new password that is too short or long (in characters, composed by NFC) or is the address itself. Nothing else is asked
 * (NIST SP 800-63B, 3.1.1.2: rules of composition make passwords worse). `addresses` are in the form addresses are compared by;
 * `pointer` is the field the password stands in.
 */
export function demandPassword(password: string, addresses: string | readonly string[], pointer = '#/password'): void {
  const refusal = (detail: string, code: string): Problem => invalid({ pointer, detail, code })
  const plain = composed(password)
  const length = [...plain].length
  if (length < shortest) throw refusal(`must have at least ${shortest} characters`, 'min_length')
  if (length > longest) throw refusal(`must have at most ${longest} characters`, 'max_length')
  if ([addresses].flat().includes(plain.toLowerCase())) throw refusal('must not be the mail address', 'guessable')
}

/** The same password typed on two keyboards can arrive composed or not. */
const composed = (password: string): string => password.normalize('NFC')

/** A hash nobody knows a password of, made without hashing: salt and sum are random. */
function hashOfNothing({ passwordHashMemoryKib: memory, passwordHashPasses: passes }: Cost): string {
  const text = (length: number): string => randomBytes(length).toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memory},p=1,t=${passes}$${text(16)}$${text(32)}`
}
