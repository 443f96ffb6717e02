import { type Static, Type } from '@sinclair/typebox'
import type { Context } from '../authority/context.ts'
import { explain, failures } from '../authority/explain.ts'
import { type Caller, loadForMany } from '../authority/load.ts'
import { asSignedIn } from '../authority/own-session.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { closedWord, maybeOpenWord, openWord, uuidOf } from '../http/shapes.ts'
import { invalid } from '../problem.ts'
import { actions, capacities, denyReasons } from '../vocabulary.ts'
import { namedBy, questionOf } from './asked.ts'
import type { Evaluation } from './read.ts'

const closed = { additionalProperties: false }
const line = (description: string) => Type.String({ minLength: 1, maxLength: 1_024, description })

const ExplainDecision = Type.Object(
  {
    subject: Type.Object({ type: Type.Literal('user'), id: uuidOf('The user') }, closed),
    action: Type.Object({ name: closedWord(actions, 'What he wants to do') }, closed),
    resource: Type.Object(
      {
        type: closedWord(['account', 'domain', 'ticket'] as const, 'What it is about'),
        id: line('Its id; a domain also by name, an account by number'),
      },
      closed,
    ),
    context: Type.Optional(
      Type.Object(
        {
          account: Type.Optional(line('The account of a domain, by id or number')),
          topic: Type.Optional(line('The topic of a ticket to be opened')),
          contactsOnly: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
    ),
  },
  { $id: 'ExplainDecision', ...closed, description: 'The question in the form of `POST /access/v1/evaluation`' },
)
type ExplainDecision = Static<typeof ExplainDecision>

const Explanation = Type.Object(
  {
    decision: Type.Boolean(),
    reason: maybeOpenWord(denyReasons, 'Of a deny, the first true one'),
    via: Type.Union([
      Type.Object({ capacity: openWord(capacities, 'In which capacity'), id: uuidOf('The row that justifies') }, closed),
      Type.Null(),
    ]),
    verified: Type.Boolean({ description: 'Whether the person has proven who he is' }),
    candidates: Type.Array(
      Type.Object(
        {
          capacity: openWord(['contact', 'grant'] as const, 'What the row is'),
          id: uuidOf('The contact or grant'),
          failed: maybeOpenWord(failures, 'The first condition it fails; null for one that justifies'),
        },
        closed,
      ),
      { description: 'Every contact and grant of the person on the account that the rule looked at' },
    ),
  },
  { $id: 'Explanation', ...closed },
)
type Explanation = Static<typeof Explanation>

/** For the support agent who is asked "why may I not?": the decision and what it was made of. */
export async function explainRoutes(app: App, { context }: Feature): Promise<void> {
  app.addSchema(Explanation)
  app.post(
    '/v1/decisions/explain',
    {
      config: { access: { action: 'staff.directory.read', staffAction: 'staff.directory.read', on: 'nothing' } },
      schema: {
        tags: ['decisions'],
        summary: 'Explain to staff why a person may or may not do something: each of his rows, and what it lacks',
        body: ExplainDecision,
        response: { 200: Type.Ref(Explanation), ...problems('not_authorised') },
      },
    },
    (request) => explained(context, standingOf(request).caller, request.body),
  )
}

async function explained(
  context: Context,
  caller: Caller,
  { subject, action, resource, context: stated = {} }: ExplainDecision,
): Promise<Explanation> {
  const none = { properties: {} }
  const asked: Evaluation = {
    subject: { ...subject, ...none },
    action: { ...action, ...none },
    resource: { ...resource, ...none },
    context: stated,
  }
  const person = { ...caller, userId: subject.id, clientId: null, ceiling: null }
  const loaded = await loadForMany(context.db, context.clock.offset(), person, namedBy([asked]))
  const question = questionOf(asked, loaded)
  if (question === null) throw invalid({ pointer: '#/resource', detail: 'there is no such thing on the stated account', code: 'unknown' })
  const { decision, candidates } = explain(asSignedIn(loaded.facts), question, loaded.facts.now)
  return {
    decision: decision.permit,
    reason: decision.permit ? null : decision.reason,
    via: decision.permit ? { capacity: decision.via.capacity, id: decision.via.id } : null,
    verified: loaded.facts.user?.verified === true,
    candidates,
  }
}
