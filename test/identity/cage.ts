/** Where canaries are kept: an application whose every word is written down, and a search of all it keeps. */
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { Test } from 'tap'
import { createApp } from '../../src/app.ts'
import type { Log } from '../../src/database/open.ts'
import type { Mail } from '../../src/outbox/transport.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { mailbox, secretIn, tokenIn } from '../fixtures/mail.ts'
import { logLines } from '../http/wire.ts'

/** Whether a text holds a secret. Eight digits within a longer number or hash are not those that were told. */
function holds(text: string, secret: string): boolean {
  return /^[\d ]+$/.test(secret) ? new RegExp(`(?<![0-9a-f])${secret}(?![0-9a-f])`).test(text) : text.includes(secret)
}

const shown = (secret: string): string => `${secret.slice(0, 12)}…`

export async function openCage(t: Test) {
  const test = await openTestApp(t)
  const { lines, logger } = logLines()
  const parts = { context: test.context, keys: test.keys, ready: async () => true, secret: randomBytes(32), logger }
  const app = await createApp(parts)
  t.teardown(() => app.close())
  const keep = (fields: object, message: string) => lines.push({ ...fields, message })
  const log: Log = { info: keep, warn: keep, error: keep }
  const canaries: string[] = []
  const letters: Mail[] = []

  /** A secret that is to be found nowhere. */
  const canary = (secret: string): string => {
    canaries.push(secret)
    return secret
  }

  /** Sends the letters that wait, and keeps them for the search. */
  const deliver = async (): Promise<Mail[]> => {
    const sent = await mailbox(test, log)
    letters.push(...sent)
    return sent
  }

  /** Sends something with a key, so that what is answered is stored; a refusal repeats no secret. */
  const post = async (url: string, status: number, body: object, token?: string) => {
    const reply = await send({ app }, 'POST', url, { body, token, key: true })
    t.equal(reply.status, status, `${url}: ${reply.text}`)
    if (status >= 400 || status === 202)
      t.strictSame(canaries.filter((secret) => holds(reply.text, secret)).map(shown), [], `${url} tells none`)
    return reply.body
  }

  /** Every table, every job, every line of the log, and every letter but for the one secret it is there to bring. */
  const search = async (): Promise<void> => {
    await deliver()
    const { rows: tables } = await test.context.db.execute<{ name: string }>(sql`
      select format('%I.%I', table_schema, table_name) as name
      from information_schema.tables where table_schema in ('public', 'pgboss') and table_type = 'BASE TABLE'`)
    t.ok(tables.length > 25)
    for (const { name } of tables) {
      const { rows } = await test.context.db.execute<{ row: string }>(sql`select t::text as row from ${sql.raw(name)} t`)
      const text = rows.map(({ row }) => row).join('\n')
      t.strictSame(canaries.filter((secret) => holds(text, secret)).map(shown), [], `${name} holds none`)
    }
    t.ok(lines.length > 20)
    const logged = JSON.stringify(lines)
    t.strictSame(canaries.filter((secret) => holds(logged, secret)).map(shown), [], 'the log tells none')
    t.ok(letters.length > 2)
    for (const letter of letters) {
      const own = secretIn(letter)
      const told = canaries.filter((secret) => secret !== own && holds(JSON.stringify(letter), secret))
      t.strictSame(told.map(shown), [], `the letter "${letter.subject}" brings none but its own`)
    }
    const brought = letters.map(secretIn).filter((secret) => secret !== undefined)
    t.equal(new Set(brought).size, brought.length, 'and no two letters bring the same')
  }

  return {
    test,
    app,
    log,
    canary,
    password: (name: string) => canary(`canary-${name}-${randomBytes(9).toString('base64url')}`),
    post,
    deliver,
    /** The token in the only letter there is. */
    mailed: async (): Promise<string> => {
      const mails = await deliver()
      t.equal(mails.length, 1)
      return canary(tokenIn(mails[0]))
    },
    signIn: async (address: string, secret: string): Promise<string> => {
      const { accessToken, refreshToken } = await post('/v1/sessions', 201, { address, password: secret })
      canary(refreshToken)
      return canary(accessToken)
    },
    search,
  }
}
