import { createHash, randomBytes } from 'node:crypto'

/** A secret that is handed over once, 256 bits in base64url, and the SHA-256 that is all we keep of it. */
export function newSecret(): { secret: string; hash: Buffer } {
  const secret = randomBytes(32).toString('base64url')
  return { secret, hash: hashOf(secret) }
}

/** What a secret is looked up by. It is random and long, so a plain hash cannot be reversed, and a look-up by it takes no shortcut. */
export function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
