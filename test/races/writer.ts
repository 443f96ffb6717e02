/** What the writer of a scene does: open a ticket, or answer the one that is there. */
import { v7 as uuid } from 'uuid'
import { Problem } from '../../src/problem.ts'
import { openTicket } from '../../src/tickets/open.ts'
import { send } from '../fixtures/app.ts'
import { callerOf, type Scene } from './stage.ts'

type Refusal = { code: string; reason?: string | undefined }

const bodyOf = ({ a, d }: Scene) => ({
  account: a.id,
  domain: d.name,
  topic: 'other' as const,
  subject: 'It broke',
  message: 'Since noon.',
})

/** Over HTTP. Undefined when it was done, else what was said. */
export async function request(scene: Scene): Promise<Refusal | undefined> {
  const { test, ticket, writer } = scene
  const { token } = writer
  const reply =
    ticket === undefined
      ? await send(test, 'POST', '/v1/tickets', { token, key: uuid(), body: bodyOf(scene) })
      : await send(test, 'POST', `/v1/tickets/${ticket}/messages`, { token, body: { body: 'More.' } })
  return reply.status === 201 ? undefined : { code: reply.body.code, reason: reply.body.reason }
}

/** By calling the gate, for a new ticket. */
export async function call(scene: Scene): Promise<Refusal | undefined> {
  const { test, writer, client } = scene
  const repeatable = { principalId: writer.id, key: uuid(), fingerprint: Buffer.alloc(32) }
  try {
    await openTicket(test.context, { caller: callerOf(test, writer, client), body: bodyOf(scene), channel: 'api', repeatable })
    return undefined
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { code: error.code, reason: error.members['reason'] as string | undefined }
  }
}
