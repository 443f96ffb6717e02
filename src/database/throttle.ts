/**
 * Attempts counted in the database, for all processes together. Delays grow with the count and end by themselves: nobody is ever
 * locked out for good.
 */
import { createHash } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import { Problem } from '../problem.ts'
import type { Database } from './open.ts'
import { createQueue } from './queue.ts'

/** What is counted: attempts of a kind on one target. Only a hash of the target is stored. */
export type Bucket = { kind: string; target: string; limit: Limit }

/**
 * After `free` attempts each further one must wait: `firstSeconds`, then twice as long each time, at most `mostSeconds`. The count is
 * forgotten `memorySeconds` after the last attempt.
 */
export type Limit = { free: number; firstSeconds: number; mostSeconds: number; memorySeconds: number }

/**
 * Checks a secret that may be tried only so often. It counts as an attempt before it is checked, so that many at once are counted too;
 * what turns out right (not undefined), or could not be checked, is taken back. Refuses with `refusal` (429 unless told otherwise).
 * `whenSpent` is called after a wrong one that was the last of the free attempts, with the kinds of which it was.
 */
export async function throttled<T>(
  db: Database,
  clockOffset: number,
  buckets: readonly Bucket[],
  check: () => Promise<T | undefined>,
  { refusal = tooMany, whenSpent }: { refusal?: Refusal; whenSpent?: (kinds: readonly string[]) => Promise<void> } = {},
): Promise<T | undefined> {
  const spent = await countAttempt(db, clockOffset, buckets, refusal)
  let wrong = false
  try {
    const found = await check()
    wrong = found === undefined
    if (wrong && spent.length > 0) await whenSpent?.(spent)
    return found
  } finally {
    if (!wrong) await takeBack(db, buckets)
  }
}

type Refusal = (milliseconds: number) => Problem

/** A process counts one at a time, so that a burst of attempts is no burst of statements that everything else has to wait behind. */
const counters = createQueue(1, 1_000)

/**
 * Counts one attempt in every bucket, or in none when one of them must wait. Returns the kinds of which it was the last free one.
 * `clockOffset` in ms; 0 outside tests.
 */
export async function countAttempt(
  db: Database,
  clockOffset: number,
  buckets: readonly Bucket[],
  refusal: Refusal = tooMany,
): Promise<string[]> {
  const statement = counting(JSON.stringify(buckets.map(toRow)), clockOffset)
  const { rows } = await counters.run(() => db.execute<Counted>(statement))
  const { counted, wait, spent } = rows[0] as Counted
  if (counted < buckets.length) throw refusal(wait)
  return buckets.filter((bucket) => spent.includes(nameOf(bucket))).map(({ kind }) => kind)
}

type Counted = { counted: number; wait: number; spent: string[] }

/** Takes an attempt back, as if it had not been made. */
export async function takeBack(db: Database, buckets: readonly Bucket[]): Promise<void> {
  const names = sql.param(buckets.map(nameOf))
  await db.execute(sql`
    update throttles t set attempts = t.attempts - 1
    from (select bucket from throttles where bucket = any(${names}::text[]) order by bucket for update) ordered
    where t.bucket = ordered.bucket and t.attempts > 0`)
}

const millisecond = sql`interval '1 millisecond'`
const nowAt = (clockOffset: number): SQL => sql`clock_timestamp() + ${clockOffset}::bigint * ${millisecond}`

/** The instant until which the next attempt must wait, of a row `t` under a limit `w`. The last one may be later than our own clock. */
const waitsUntil = sql`case when t.attempts < w.free then '-infinity'::timestamptz
  else t.window_ends_at + (least(w.most, w.first * power(2, least(t.attempts - w.free, 30))) - w.memory) * ${millisecond} end`

/** Forgotten; or written by a clock that has been put back since, which must lock nobody out. */
const isForgotten = sql`(t.window_ends_at <= c.now or t.window_ends_at > c.now + w.memory * ${millisecond} + interval '1 minute')`

/**
 * One statement: what must wait is found first, so that no bucket is charged for another's refusal; then every row is written in the
 * order of their names (two attempts never wait for each other in a circle), and judged once more as it is by then: where another
 * attempt came between, its delay has just begun. It also sweeps a few forgotten rows, so that made-up targets do not fill the table.
 */
const counting = (wanted: string, clockOffset: number): SQL => sql`
with c as materialized (select ${nowAt(clockOffset)} as now),
w as materialized (select * from jsonb_to_recordset(${wanted}::jsonb) as w(bucket text, free int, first bigint, most bigint, memory bigint)),
b as materialized (
  select ceil(max(extract(epoch from (${waitsUntil}) - c.now) * 1000))::int as wait
  from c, w join throttles t on t.bucket = w.bucket where not ${isForgotten} and (${waitsUntil}) > c.now),
counted as (
  insert into throttles as t (bucket, attempts, window_ends_at)
  select w.bucket, 1, c.now + w.memory * ${millisecond} from c, w where (select wait from b) is null order by w.bucket
  on conflict (bucket) do update set window_ends_at = excluded.window_ends_at,
    attempts = (select case when ${isForgotten} then 1 else t.attempts + 1 end from c, w where w.bucket = excluded.bucket)
  where (select ${isForgotten} or (${waitsUntil}) <= c.now from c, w where w.bucket = excluded.bucket)
  returning t.bucket, t.attempts),
swept as (
  delete from throttles where bucket in (
    select t.bucket from throttles t, c where t.window_ends_at <= c.now and t.bucket not in (select bucket from w)
    order by t.window_ends_at limit 10 for update of t skip locked))
select (select count(*) from counted)::int as counted, coalesce((select wait from b), 1000) as wait,
  array(select n.bucket from counted n join w on w.bucket = n.bucket where n.attempts = w.free) as spent`

function toRow(bucket: Bucket) {
  const { free, firstSeconds, mostSeconds, memorySeconds } = bucket.limit
  return { bucket: nameOf(bucket), free, first: firstSeconds * 1000, most: mostSeconds * 1000, memory: memorySeconds * 1000 }
}

const nameOf = ({ kind, target }: Bucket): string => `${kind}:${createHash('sha256').update(target).digest('base64url')}`

function tooMany(milliseconds: number): Problem {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000))
  return new Problem('quota_exceeded', {
    detail: 'Too many attempts; wait before the next one',
    headers: { 'retry-after': String(seconds) },
  })
}
