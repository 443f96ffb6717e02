import { hashOf, newSecret } from '../outbox/secret.ts'

/** A client's secret as it is shown once, and what is kept of it. The prefix is for scanners that look for lost secrets. */
export function newClientSecret(): { secret: string; hash: Buffer } {
  const secret = `cs_${newSecret().secret}`
  return { secret, hash: hashOf(secret) }
}

/** What a repeated answer says instead of the secret. */
export const shownOnce = 'The secret was shown once, in the first answer. If it is lost, make another at POST /v1/clients/{client}/secret'
