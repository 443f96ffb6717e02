/** K1 for submissions, with real connections: of a yes and a no that arrive together exactly one wins, and nothing is ever half done. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { grants, messages, submissions, tickets } from '../../src/database/tables.ts'
import { send } from '../fixtures/app.ts'
import { person, submission } from '../fixtures/cast.ts'
import { together } from '../fixtures/together.ts'
import { setStage } from '../intake/stage.ts'

t.setTimeout(120_000 + Number(process.env['RACE_ROUNDS'] ?? 0) * 1_500)
/** More for CI and for a night. */
const rounds = Math.max(25, Number(process.env['RACE_ROUNDS'] ?? 0))
const stage = await setStage(t)
const { test, a, people, base } = stage
const { db } = test.context

t.test('K1: approve ∥ approve ∥ decline ∥ mute', async (t) => {
  const won: Record<string, number> = {}
  for (let round = 0; round < rounds; round++) {
    const who = await person(test, 'Some Submitter')
    const id = await submission(test, who, a.number, 'alpha.example')
    const act = (name: 'owner' | 'manager', verb: string, request: object = {}) =>
      send(test, 'POST', `${base}/${id}/${verb}`, { token: people[name].token, ...request })
    const yes = { ifMatch: 1, body: { consent: 'this_ticket' } }
    const acts = [
      () => act('owner', 'approve', yes),
      () => act('manager', 'approve', yes),
      () => act('owner', 'decline'),
      () => act('manager', round % 2 === 0 ? 'decline' : 'mute'),
    ]
    const turned = [...acts.slice(round % 4), ...acts.slice(0, round % 4)]
    const sent = await together(turned)
    const [row] = await db.select().from(submissions).where(eq(submissions.id, id))
    const made = await db.select().from(tickets).where(eq(tickets.requesterUserId, who.id))
    const given = await db.select().from(grants).where(eq(grants.granteeUserId, who.id))
    const approved = row?.verdict === 'approved'
    won[String(row?.verdict)] = (won[String(row?.verdict)] ?? 0) + 1
    t.strictSame(
      [made.length, given.length, given.reduce((sum, { uses }) => sum + uses, 0)],
      approved ? [1, 1, 1] : [0, 0, 0],
      `round ${round}: ${row?.verdict}`,
    )
    t.equal(row?.version, 2, 'decided once')
    const yeses = sent.filter(({ body }) => body.status === 'approved' && body.ticket !== null)
    t.equal(yeses.length, approved ? 1 : 0, 'and one of them was told yes')
    for (const { status } of sent) t.ok([200, 409, 412].includes(status), String(status))
    for (const { id: ticketId } of made) t.equal((await db.select().from(messages).where(eq(messages.ticketId, ticketId))).length, 1)
  }
  t.comment(JSON.stringify(won))
})
