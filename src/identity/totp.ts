/** Codes that follow the time (TOTP, RFC 6238), as every authenticator app makes them: HMAC-SHA-1, 6 digits, steps of 30 seconds. */
import { randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'

const stepMs = 30_000
const algorithm = 'SHA1'
const digits = 6
const period = stepMs / 1_000

/** How many steps before and after the present one count, for clocks that differ and people who type slowly (section 5.2). */
const window = 1

/** 160 bits, as long as the output of the HMAC (RFC 4226, section 4, R6). */
const keyBytes = 20

export const newTotpKey = (): Buffer => randomBytes(keyBytes)

/** What a person types into an app that cannot read a QR code. */
export const base32Of = (key: Buffer): string => secretOf(key).base32

/** The `otpauth:` URI apps read as a QR code. `issuer` and `label` are what the app shows. */
export function totpUri(key: Buffer, issuer: string, label: string): string {
  return new TOTP({ issuer, label, secret: secretOf(key), algorithm, digits, period }).toString()
}

/** The step a code of six digits belongs to, of those that count at `now` (epoch ms); undefined for a code of none of them. */
export function stepOfCode(key: Buffer, code: string, now: number): number | undefined {
  const delta = TOTP.validate({ token: code, secret: secretOf(key), algorithm, digits, period, timestamp: now, window })
  return delta === null ? undefined : Math.floor(now / stepMs) + delta
}

const secretOf = (key: Buffer): Secret => Secret.fromHex(key.toString('hex'))
