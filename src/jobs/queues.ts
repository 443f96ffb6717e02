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

/** Every queue there is; the start makes them. */
export const queues = {
  /** A mail to send, by the id of what it tells. */
  mail: patient,
} as const satisfies Record<string, QueueOptions>

export type QueueName = keyof typeof queues
