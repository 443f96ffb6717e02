/**
 * Refusals of callers without a tie, counted beside the way of the reply: for each caller, stated account and hour, and alike whether the
 * account exists or not. Noting one touches memory only, so that no reply waits for it, differs by it or fails with it; one writer brings
 * the counts to the database. What it keeps is bounded; what does not fit is counted as dropped.
 */
import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { Clock } from '../clock.ts'
import type { Database, Log } from '../database/open.ts'
import { providerAccountId } from '../database/tables.ts'
import { type Caller, type Named, principalOf } from './load.ts'
import { accountNamed } from './stated.ts'

export type Strangers = {
  note(caller: Pick<Caller, 'userId' | 'clientId'>, account: NonNullable<Named['account']>): void
  /** Writes what was noted, and ends. Where the database is away it is lost, and the log says how much. */
  stop(): Promise<void>
}

type Count = { principal: string; account: string; hour: string; attempts: number; last: string }

const hourMs = 3_600_000
const most = { perCaller: 100, inAll: 10_000 }

type Options = { db: Database; clock: Clock; log: Log; delayMs?: number }

export function countStrangers({ db, clock, log, delayMs = 1_000 }: Options): Strangers {
  const pending = new Map<string, Count>()
  const accountsOf = new Map<string, Set<string>>()
  let hour = 0
  let dropped = 0
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  function note(caller: Pick<Caller, 'userId' | 'clientId'>, named: NonNullable<Named['account']>): void {
    const now = clock.now()
    if (Math.floor(now / hourMs) !== hour) accountsOf.clear()
    hour = Math.floor(now / hourMs)
    const principal = principalOf(caller)
    // A longer one than any number is as good as any that does not exist; cut within a character it would be no text for the database.
    const account = 'id' in named ? named.id.toLowerCase() : named.number.slice(0, 65).toWellFormed()
    const known = accountsOf.get(principal) ?? new Set()
    accountsOf.set(principal, known.add(account))
    const key = `${hour} ${principal} ${account}`
    const full = known.size > most.perCaller || pending.size >= most.inAll || accountsOf.size > most.inAll
    if (full && !pending.has(key)) {
      known.delete(account)
      dropped++
    } else {
      const attempts = (pending.get(key)?.attempts ?? 0) + 1
      pending.set(key, { principal, account, hour: instant(hour * hourMs), attempts, last: instant(now) })
    }
    timer ??= setTimeout(flush, delayMs).unref()
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing = writing.then(writeAll)
    return writing
  }

  async function writeAll(): Promise<void> {
    if (dropped > 0) log.warn({ dropped }, 'attempts of strangers were not counted')
    dropped = 0
    const counts = [...pending]
    if (counts.length === 0) return
    pending.clear()
    try {
      await db.execute(write(counts.map(([, count]) => count)))
    } catch (error) {
      for (const [key, count] of counts) pending.set(key, { ...count, attempts: count.attempts + (pending.get(key)?.attempts ?? 0) })
      log.warn({ counts: counts.length, reason: (error as Error).message }, 'attempts of strangers could not be written yet')
      timer ??= setTimeout(flush, delayMs * 10).unref()
    }
  }

  async function stop(): Promise<void> {
    await flush()
    clearTimeout(timer)
    if (pending.size > 0) log.error({ counts: pending.size }, 'attempts of strangers were lost')
  }

  return { note, stop }
}

const instant = (at: number): string => new Date(at).toISOString()

/** Only here does it matter which account that is, if any. */
function write(counts: readonly Count[]) {
  const rows = counts.map((count) => ({ ...count, stated: createHash('sha256').update(count.account).digest('hex') }))
  return sql`
    insert into refused_attempts (account_id, hour, principal_id, stated, attempts, last_at)
    select coalesce(${accountNamed(sql`x.account`)}, ${providerAccountId}), x.hour, x.principal, decode(x.stated, 'hex'), x.attempts, x.last
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as x(principal uuid, account text, hour timestamptz, attempts int, last timestamptz, stated text)
    on conflict (account_id, hour, principal_id, stated)
    do update set attempts = refused_attempts.attempts + excluded.attempts, last_at = greatest(refused_attempts.last_at, excluded.last_at)`
}
