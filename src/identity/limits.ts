/** How often a password or an address may be tried, per target and per network. Alike for what exists and what does not. */
import type { Bucket, Limit } from '../database/throttle.ts'

const guessing: Limit = { free: 10, firstSeconds: 1, mostSeconds: 300, memorySeconds: 3_600 }
/** More than a process lets wait for a hash: right ones that arrive together are no guesses. */
const guessingFromNetwork: Limit = { free: 50, firstSeconds: 1, mostSeconds: 300, memorySeconds: 3_600 }
const signUps: Limit = { free: 3, firstSeconds: 60, mostSeconds: 3_600, memorySeconds: 86_400 }
const signUpsFromNetwork: Limit = { free: 30, firstSeconds: 10, mostSeconds: 3_600, memorySeconds: 3_600 }
const additions: Limit = { free: 10, firstSeconds: 60, mostSeconds: 3_600, memorySeconds: 86_400 }
const proofTries = 5

/** For a sign-in: wrong ones on this address, and from this network. */
export function signInBuckets(address: string, network: string): Bucket[] {
  return [{ kind: 'sign-in', target: address, limit: guessing }, guessesFrom(network)]
}

/** For confirming one's password within a session. */
export function stepUpBuckets(userId: string, network: string): Bucket[] {
  return [{ kind: 'step-up', target: userId, limit: guessing }, guessesFrom(network)]
}

/** For codes of a second factor, which only one who knows the password gets to try. */
export function codeBuckets(userId: string, network: string): Bucket[] {
  return [{ kind: 'second-factor', target: userId, limit: guessing }, guessesFrom(network)]
}

/** For passkeys, which name nobody before they have proven somebody. */
export function passkeyBuckets(network: string): Bucket[] {
  return [guessesFrom(network)]
}

/** For sign-ups, every one of which sends a mail to somebody. */
export function signUpBuckets(address: string, network: string): Bucket[] {
  return [
    { kind: 'sign-up', target: address, limit: signUps },
    { kind: 'sign-up-network', target: network, limit: signUpsFromNetwork },
  ]
}

/** For password resets, every one of which may send a mail to somebody; alike for an address nobody has. */
export function resetBuckets(address: string, network: string): Bucket[] {
  return [
    { kind: 'password-reset', target: address, limit: signUps },
    { kind: 'sign-up-network', target: network, limit: signUpsFromNetwork },
  ]
}

/** For asking to add an address, every time of which sends a mail to somebody. */
export function additionBuckets(userId: string, address: string): Bucket[] {
  return [
    { kind: 'address-of-user', target: userId, limit: additions },
    { kind: 'address-addition', target: address, limit: signUps },
  ]
}

/** For the password that belongs to a token: after a few wrong ones the wait outlasts the token. */
export function proofBuckets(tokenId: string, lifeSeconds: number): Bucket[] {
  const limit = { free: proofTries, firstSeconds: lifeSeconds, mostSeconds: lifeSeconds, memorySeconds: lifeSeconds }
  return [{ kind: 'proof', target: tokenId, limit }]
}

const guessesFrom = (network: string): Bucket => ({ kind: 'guess-network', target: network, limit: guessingFromNetwork })
