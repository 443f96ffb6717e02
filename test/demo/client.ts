/** A client as anyone would write it: fetch, JSON, a bearer token. Every request of the story is a row of the table. */
import { randomUUID } from 'node:crypto'

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape, read as a client without types would
type Body = any
export type Answer = { status: number; headers: Headers; body: Body; text: string }
export type Person = { name: string; address: string; password: string; token: string }

export type Expected = { status: number; reason?: string; that?: (answer: Answer) => boolean }
export type Row = { who: string; asks: string; answer: string; as: boolean }

type Options = { body?: unknown; ifMatch?: string }

export class Story {
  readonly origin: string
  readonly rows: Row[] = []

  constructor(origin: string) {
    this.origin = origin
  }

  /** Sends a request, compares the answer with what must come, and prints the row. */
  async ask(who: Person | string, asks: string, method: string, path: string, expected: Expected, options: Options = {}): Promise<Answer> {
    const answer = await this.send(typeof who === 'string' ? undefined : who.token, method, path, options)
    const reason = answer.body?.reason ?? answer.body?.code
    const said = `${answer.status}${reason === undefined ? '' : ` ${reason}`}`
    const reasonIs = expected.reason === undefined || answer.body?.reason === expected.reason
    this.tell({
      who: typeof who === 'string' ? who : who.name,
      asks,
      answer: said,
      as: answer.status === expected.status && reasonIs && (expected.that?.(answer) ?? true),
    })
    if (answer.status !== expected.status) console.log(`      ${answer.text}`)
    return answer
  }

  /** A row about something that is no single request. */
  tell(row: Row): void {
    this.rows.push(row)
    console.log(`${row.as ? '✓' : '✗'} ${row.who.padEnd(22)} ${row.asks.padEnd(74)} ${row.answer}`)
  }

  async send(token: string | undefined, method: string, path: string, { body, ifMatch }: Options = {}): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/json, application/problem+json' }
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`
    if (body !== undefined) headers['content-type'] = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    if (method === 'POST') headers['idempotency-key'] = randomUUID()
    if (ifMatch !== undefined) headers['if-match'] = ifMatch
    const reply = await fetch(this.origin + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await reply.text()
    const isJson = (reply.headers.get('content-type') ?? '').includes('json')
    return { status: reply.status, headers: reply.headers, text, body: isJson ? JSON.parse(text) : undefined }
  }

  heading(text: string): void {
    console.log(`\n${text}`)
  }
}
