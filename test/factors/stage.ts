/** People with second factors, and the app and requests that go with them. */
import { createHmac } from 'node:crypto'
import { eq } from 'drizzle-orm'
import { journalEvents } from '../../src/database/tables.ts'
import { type Sent, send, type TestApp } from '../fixtures/app.ts'
import { type Person, person } from '../fixtures/cast.ts'
import { givePassword, password } from '../fixtures/passwords.ts'

/** What an authenticator app shows at an instant (epoch ms): RFC 6238 written out, independently of the library that is tested. */
export function codeOf(base32: string, now: number): string {
  const bits = [...base32].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
  const message = Buffer.alloc(8)
  message.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)))
  const hash = createHmac('sha1', key).update(message).digest()
  const offset = (hash[19] as number) & 0xf
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** Six digits that no step near an instant has. */
export function wrongCodeOf(base32: string, now: number): string {
  const near = [-2, -1, 0, 1, 2].map((steps) => codeOf(base32, now + steps * 30_000))
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !near.includes(code)) as string
}

export const factorsPath = '/v1/me/second-factors'

/** A person with a password and a confirmed app; his first session has proven both. */
export type Guarded = Person & { secret: string; factor: string; recoveryCodes: string[] }

export async function guarded(test: TestApp, name: string): Promise<Guarded> {
  const made = await person(test, name)
  await givePassword(test, made)
  const app = await addApp(test, made.token)
  nextStep(test)
  return { ...made, ...app }
}

/** Prepares an app and confirms it with the code of this moment. */
export async function addApp(test: TestApp, token: string): Promise<{ secret: string; factor: string; recoveryCodes: string[] }> {
  const prepared = await send(test, 'POST', `${factorsPath}/totp`, { token, body: {} })
  if (prepared.status !== 201) throw new Error(prepared.text)
  const { secret, factor } = prepared.body
  const body = { code: codeOf(secret, test.clock.now()) }
  const confirmed = await send(test, 'POST', `${factorsPath}/${factor.id}/confirm`, { token, body })
  if (confirmed.status !== 200) throw new Error(confirmed.text)
  return { secret, factor: factor.id, recoveryCodes: confirmed.body.recoveryCodes }
}

/** So that the app shows a code that was not used yet. */
export const nextStep = ({ clock }: TestApp): void => clock.advance(30_000)

export function signInWith(test: TestApp, address: string, code?: string): Promise<Sent> {
  return send(test, 'POST', '/v1/sessions', { body: { address, password, ...(code === undefined ? {} : { code }) } })
}

export function stepUpWith(test: TestApp, token: string, code?: string): Promise<Sent> {
  return send(test, 'POST', '/v1/sessions/step-up', { token, body: { password, ...(code === undefined ? {} : { code }) } })
}

/** The kinds of a person's events about factors and sessions, in their order. */
export async function eventsBy({ context: { db } }: TestApp, userId: string): Promise<string[]> {
  const rows = await db.select().from(journalEvents).where(eq(journalEvents.actorUserId, userId)).orderBy(journalEvents.id)
  return rows.map(({ kind }) => kind)
}
