/** Whether a token is good at this moment, for those who may know (RFC 7662). Everything else is `{"active": false}`. */
import { and, eq } from 'drizzle-orm'
import { principalIsActive } from '../authority/conditions.ts'
import { decide } from '../authority/decide.ts'
import { question } from '../authority/facts.ts'
import { load } from '../authority/load.ts'
import type { Database } from '../database/open.ts'
import { subjects } from '../database/tables.ts'
import type { Feature } from '../http/feature.ts'
import type { Client } from './client.ts'
import { type Presented, readToken } from './presented.ts'
import type { Introspection } from './schema.ts'

/** By a client: its own tokens and those of its realm's users. By staff (null): every token. */
export async function introspect(feature: Feature, token: string, client: Client | null, requestId: string): Promise<Introspection> {
  const { context } = feature
  const presented = await readToken(feature, token, requestId)
  const live = presented !== undefined && (await isLive(feature, presented))
  if (!live || (client !== null && !(await mayKnow(context.db, presented, client)))) return { active: false }
  return { active: true, token_type: 'Bearer', ...presented.told }
}

async function isLive({ context }: Feature, { caller }: Presented): Promise<boolean> {
  const { facts } = await load(context.db, context.clock.offset(), caller, {})
  return principalIsActive(facts, facts.now)
}

async function mayKnow(db: Database, { caller }: Presented, { id, realm }: Client): Promise<boolean> {
  if (caller.clientId === id) return true
  if (caller.userId === null) return false
  const tied = and(eq(subjects.issuer, realm), eq(subjects.userId, caller.userId))
  return (await db.select({ issuer: subjects.issuer }).from(subjects).where(tied)).length > 0
}

/** Whether a bearer token is of staff who read the provider's directory. */
export async function isStaffToken(feature: Feature, token: string, requestId: string): Promise<boolean> {
  const presented = await readToken(feature, token, requestId)
  if (presented === undefined) return false
  const { facts } = await load(feature.context.db, feature.context.clock.offset(), presented.caller, {})
  return decide(facts, question('staff.directory.read', null), facts.now).permit
}
