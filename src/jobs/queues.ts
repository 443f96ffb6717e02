import type { QueueOptions } from 'pg-boss'

/** Tried again after 5, 10, 20 … seconds, at most an hour apart: about a day in all. What has failed then stays readable for 14 days. */
const patient = {
  retryLimit: 30,
  retryDelay: 5,
  retryBackoff: true,
  retryDelayMax: 3_600,
  expireInSeconds: 900,
  retentionSeconds: 14 * 86_400,
  deleteAfterSeconds: 14 * 86_400,
} as const satisfies QueueOptions

/** Comes again by itself at its next time, so one that failed is not worth much patience. */
const brief = {
  retryLimit: 2,
  retryDelay: 5,
  expireInSeconds: 900,
  retentionSeconds: 86_400,
  deleteAfterSeconds: 86_400,
} as const satisfies QueueOptions

/** A queue; with `cron` (five fields, UTC) one job without a payload is put in at each of these times, by one process for all. */
export type Queue = QueueOptions & { cron?: string }

/** Every queue there is; the start makes them. */
export const queues = {
  /** A mail to send, by the id of what it tells. */
  mail: patient,
  /** What a user granted while he was in somebody else's hands (`grants/`). */
  compromises: patient,
  /** Grants whose time is over, or soon will be (`grants/`). */
  grants: { ...brief, cron: '* * * * *' },
  /** What was held for 14 days is over, and its words go (`intake/end.ts`). */
  'submissions-end': { ...brief, cron: '*/5 * * * *' },
  /** Accounts are told what waits for them (`intake/announce.ts`). */
  'submissions-announce': { ...brief, cron: '*/5 * * * *' },
  /** Looks at what a developer asked for (`grants/settle.ts`), by the id of his request. */
  'grant-requests': patient,
  /** What has served its time is deleted (`retention/`). */
  retention: { ...brief, cron: '17 3 * * *' },
  /** The audit trail is numbered and sealed (`journal/`). */
  seal: { ...brief, cron: '* * * * *' },
  /** Owners are told what strangers tried on their account (`audit/`): once a day. */
  attempts: { ...brief, cron: '41 6 * * *' },
  /** The TXT records of open domain claims are looked up, and claims whose time is over end (`domains/`). */
  claims: { ...brief, cron: '*/10 * * * *' },
} as const satisfies Record<string, Queue>

export type QueueName = keyof typeof queues
