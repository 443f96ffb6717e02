/** Who writes in a race, for which account and by which right. */
import { eq } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import type { Caller } from '../../src/authority/load.ts'
import { clients, sessions } from '../../src/database/tables.ts'
import { send, type TestApp } from '../fixtures/app.ts'
import { type Account, account, contact, type Domain, domain, grant, type Person, person, staff } from '../fixtures/cast.ts'

/** Who stays from round to round. */
export type Stage = { test: TestApp; owner: Person; admin: Person }

export async function setStage(test: TestApp): Promise<Stage> {
  return { test, owner: await person(test, 'Olga Owner'), admin: await staff(test, 'Ada Admin', 'admin') }
}

export const callerOf = ({ clock }: TestApp, { id, session }: Person, clientId: string | null = null): Caller => ({
  userId: id,
  clientId,
  ceiling: null,
  sessionId: session,
  requestId: uuid(),
  authenticatedAt: clock.now(),
})

/**
 * An account of this round's own, who writes for it and by which row: opens tickets, or answers one that is there. The giver is who gave
 * the grant, if it is one; the client is what the writer came through, if anything.
 */
export type Scene = Stage & {
  a: Account
  d: Domain
  writer: Person
  row: string
  ticket?: string
  giver?: Person
  giverContact?: string
  client?: string
}

async function place(stage: Stage): Promise<Stage & { a: Account; d: Domain }> {
  const a = await account(stage.test, 'Alpha Ltd')
  await contact(stage.test, a, stage.owner, 'owner')
  return { ...stage, a, d: await domain(stage.test, a, `${uuid()}.example`) }
}

export async function asGrantee(stage: Stage, maxUses: number | null = null): Promise<Scene> {
  const { test } = stage
  const { a, d } = await place(stage)
  const giver = await person(test, 'Gil Giver')
  const giverContact = await contact(test, a, giver, 'manager')
  const writer = await person(test, 'Dora Developer')
  return { ...stage, a, d, writer, row: await grant(test, a, giverContact, writer, [d], { maxUses }), giver, giverContact }
}

export async function asAnswerer(stage: Stage): Promise<Scene> {
  const scene = await asGrantee(stage)
  const { test, a, d, writer } = scene
  const body = { account: a.id, domain: d.name, topic: 'other', subject: 'It broke', message: 'Since noon.' }
  const reply = await send(test, 'POST', '/v1/tickets', { token: writer.token, key: uuid(), body })
  return { ...scene, ticket: reply.body.id }
}

/** A contact who comes through a control panel that is registered for this. */
export async function asPanelUser(stage: Stage): Promise<Scene> {
  const scene = await asContact(stage)
  const { db, clock } = stage.test.context
  const [client, at] = [uuid(), new Date(clock.now())]
  await db.insert(clients).values({ id: client, name: client, realm: 'panel', scopes: ['ticket.create'], createdAt: at })
  await db.update(sessions).set({ kind: 'panel', clientId: client }).where(eq(sessions.id, scene.writer.session))
  return { ...scene, client }
}

export async function asContact(stage: Stage): Promise<Scene> {
  const { a, d } = await place(stage)
  const writer = await person(stage.test, 'Tim Technical')
  return { ...stage, a, d, writer, row: await contact(stage.test, a, writer, 'technical') }
}

export async function asStaff(stage: Stage): Promise<Scene> {
  const { staffMember, ...writer } = await staff(stage.test, 'Sue Support', 'support')
  return { ...(await place(stage)), writer, row: staffMember }
}
