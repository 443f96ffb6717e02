/** Reading personal access tokens, and their form on the wire. */
import { and, desc, eq, gt, isNull, type SQL, sql } from 'drizzle-orm'
import type { Ceiling } from '../authority/facts.ts'
import type { Database } from '../database/open.ts'
import { accessTokens, sessions } from '../database/tables.ts'
import type { AccessToken } from './schema.ts'

type Row = typeof accessTokens.$inferSelect

/** The user's tokens that are good at an instant (epoch ms), newest first. One whose session was ended elsewhere is not. */
export async function listAccessTokens(
  db: Database,
  who: { userId: string; now: number },
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<AccessToken[]> {
  const rows = await db
    .select({ token: accessTokens })
    .from(accessTokens)
    .innerJoin(sessions, and(eq(sessions.id, accessTokens.sessionId), isNull(sessions.endedAt)))
    .where(and(eq(accessTokens.userId, who.userId), gt(accessTokens.expiresAt, new Date(who.now)), after && older(after)))
    .orderBy(desc(accessTokens.createdAt), desc(accessTokens.id))
    .limit(limit)
  return rows.map(({ token }) => toAccessToken(token))
}

const older = ([at, id]: readonly [string, string]): SQL =>
  sql`(${accessTokens.createdAt}, ${accessTokens.id}) < (${at}::timestamptz, ${id}::uuid)`

/** A token of the user's, good or not. */
export async function findAccessToken(db: Database, userId: string, id: string): Promise<Row | undefined> {
  const [row] = await db
    .select()
    .from(accessTokens)
    .where(and(eq(accessTokens.id, id), eq(accessTokens.userId, userId)))
  return row
}

export function toAccessToken(row: Row): AccessToken {
  const { account, domains, actions, grant } = row.ceiling as Ceiling
  return {
    id: row.id,
    name: row.name,
    account,
    domains: [...domains],
    actions: [...actions] as AccessToken['actions'],
    grant: grant ?? null,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    lastUsedOn: row.lastUsedOn?.toISOString().slice(0, 10) ?? null,
  }
}
