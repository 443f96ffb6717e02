import type { Database } from '../database/open.ts'
import { singleUseTokens } from '../database/tables.ts'
import { newId } from '../id.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { postToken } from './post.ts'

type Row = Omit<typeof singleUseTokens.$inferInsert, 'id' | 'secretHash' | 'createdAt' | 'expiresAt' | 'usedAt'>

/** Makes the row of a mailed, single-use secret and queues its letter, in the caller's transaction. Instants in epoch ms. */
export async function mailToken(jobs: Jobs, tx: Database, row: Row, now: number, lifeMs: number): Promise<string> {
  const id = newId()
  await tx.insert(singleUseTokens).values({ ...row, id, createdAt: new Date(now), expiresAt: new Date(now + lifeMs) })
  await postToken(jobs, tx, id)
  return id
}
