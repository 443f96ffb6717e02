/** A panel that provisions, and what is read back. */
import { eq } from 'drizzle-orm'
import type { Test } from 'tap'
import { accounts, contacts, domains } from '../../src/database/tables.ts'
import { openTestApp, type Request, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { clientToken, type Panel, panel } from '../oauth/stage.ts'

export type Stage = {
  test: TestApp
  shop: Panel
  token: string
  /** Sends to a path below /v1/provisioning, as the shop unless told otherwise. */
  put: (path: string, body: unknown, request?: Request) => Promise<Sent>
  remove: (path: string, request?: Request) => Promise<Sent>
  sync: (body: unknown, request?: Request) => Promise<Sent>
}

export async function setStage(t: Pick<Test, 'teardown'>): Promise<Stage> {
  const test = await openTestApp(t)
  const shop = await panel(test)
  const token = await clientToken(test, shop)
  const to = (method: string, path: string, request: Request) => send(test, method, `/v1/provisioning/${path}`, { token, ...request })
  return {
    test,
    shop,
    token,
    put: (path, body, request) => to('PUT', path, { body, ...request }),
    remove: (path, request = {}) => to('DELETE', path, request),
    sync: (body, request) => to('POST', 'sync', { body, ...request }),
  }
}

/** What there is of an account, as plain words. */
export async function shapeOf({ test: { context } }: Stage, accountId: string) {
  const { db } = context
  const [account] = await db.select().from(accounts).where(eq(accounts.id, accountId))
  const held = await db.select().from(domains).where(eq(domains.accountId, accountId)).orderBy(domains.id)
  const tied = await db.select().from(contacts).where(eq(contacts.accountId, accountId)).orderBy(contacts.id)
  return {
    state: account?.state,
    domains: held.map(({ name, releasedAt }) => `${name}${releasedAt === null ? '' : ' released'}`),
    contacts: tied.map(({ role, status, confirmedAt, addedByStaff }) =>
      [role, status, confirmedAt === null ? 'unconfirmed' : 'confirmed', addedByStaff ? 'added' : 'invited'].join(' '),
    ),
  }
}
