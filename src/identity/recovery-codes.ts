/**
 * Codes for the day the second factor is lost: ten, each good once. They have 80 random bits, so that the plain hash that is kept of
 * them cannot be searched.
 */
import { randomBytes } from 'node:crypto'
import { and, eq, isNull } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { recoveryCodes } from '../database/tables.ts'
import { hashOf } from '../outbox/secret.ts'

const howMany = 10
const length = 16
/** Crockford's base 32: without i, l, o and u, which are misread. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** Makes ten new codes in place of all former ones, and returns them as they are shown, once. `now` in epoch ms. */
export async function renewRecoveryCodes(tx: Database, userId: string, now: number): Promise<string[]> {
  await dropRecoveryCodes(tx, userId)
  const codes = Array.from({ length: howMany }, newCode)
  const createdAt = new Date(now)
  await tx.insert(recoveryCodes).values(codes.map((code) => ({ userId, codeHash: hashOf(plain(code)), createdAt })))
  return codes
}

/** For one whose last factor is gone: there is nothing left to recover. */
export async function dropRecoveryCodes(tx: Database, userId: string): Promise<void> {
  await tx.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId))
}

/** Uses a code up; false when it is unknown or has been used. `now` in epoch ms. */
export async function spendRecoveryCode(tx: Database, userId: string, code: string, now: number): Promise<boolean> {
  const spent = await tx
    .update(recoveryCodes)
    .set({ usedAt: new Date(now) })
    .where(and(eq(recoveryCodes.userId, userId), eq(recoveryCodes.codeHash, hashOf(plain(code))), isNull(recoveryCodes.usedAt)))
    .returning({ userId: recoveryCodes.userId })
  return spent.length > 0
}

/** Groups of four are easier to copy. */
function newCode(): string {
  const letters = [...randomBytes(length)].map((byte) => alphabet[byte % alphabet.length])
  return letters.join('').replace(/(.{4})(?=.)/g, '$1-')
}

/** However it was typed: with or without hyphens, in capitals, with the letters that look like digits. */
const plain = (code: string): string => code.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1')
