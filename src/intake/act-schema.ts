/** What is sent to decide about something held, and the answer to it. */
import { type Static, Type } from '@sinclair/typebox'
import { closedWord, lineOf, maybeInstantOf, openWord, uuidOf } from '../http/shapes.ts'
import { delegableActions, reaches } from '../vocabulary.ts'
import { openTopics, submissionStatuses } from './schema.ts'

export const ApproveSubmission = Type.Object(
  {
    consent: closedWord(
      ['this_ticket', 'standing'] as const,
      '`this_ticket`: to this one ticket, for 30 days, or GRANT_DAYS_MAX where that is less; `standing`: to act on behalf of the account on this domain from now on',
    ),
    grant: Type.Optional(
      Type.Object(
        {
          actions: Type.Optional(
            Type.Array(closedWord(delegableActions, 'What may be done'), { minItems: 1, maxItems: 5, uniqueItems: true }),
          ),
          topics: Type.Optional(
            Type.Array(closedWord(openTopics, 'Never a confidential one'), { minItems: 1, maxItems: 50, uniqueItems: true }),
          ),
          reach: Type.Optional(closedWord(reaches, '`own` unless said otherwise')),
          maxUses: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
          purpose: Type.Optional(lineOf(500, 'What it is given for')),
          days: Type.Optional(Type.Integer({ minimum: 1, maximum: 365, description: 'How long it lasts, GRANT_DAYS_MAX at most' })),
        },
        { additionalProperties: false, description: 'Your own limits of a standing grant' },
      ),
    ),
  },
  { $id: 'ApproveSubmission', additionalProperties: false, examples: [{ consent: 'this_ticket' }] },
)
export type ApproveSubmission = Static<typeof ApproveSubmission>

export const ReleaseSubmission = Type.Object(
  {
    reason: Type.String({ minLength: 3, maxLength: 500, pattern: '\\S', description: 'Why; the owners are told' }),
    supportCode: Type.Optional(
      Type.String({ format: 'uuid', description: 'The code that a contact who may decide has just told you, by id' }),
    ),
    callBack: Type.Optional(
      Type.String({ format: 'uuid', description: 'The contact you have called at his stored number, which has stood for 7 days, by id' }),
    ),
  },
  {
    $id: 'ReleaseSubmission',
    additionalProperties: false,
    examples: [{ reason: 'Called back', callBack: '01a20654-8549-747d-b5b7-960b1716db5d' }],
  },
)
export type ReleaseSubmission = Static<typeof ReleaseSubmission>

const maybeUuid = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid', description })

/** The answer of every act on a submission: without the words. */
export const DecidedSubmission = Type.Object(
  {
    id: uuidOf('The submission'),
    status: openWord(submissionStatuses, 'What became of it'),
    decidedAt: maybeInstantOf('When it was decided'),
    grant: maybeUuid('The grant that was given, where one was just given'),
    ticket: maybeUuid('The ticket it has just become'),
    version: Type.Integer(),
  },
  { $id: 'DecidedSubmission', additionalProperties: false },
)
export type DecidedSubmission = Static<typeof DecidedSubmission>
