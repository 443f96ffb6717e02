import { type Static, Type } from '@sinclair/typebox'
import { DetailsInput } from '../evidence/fields.ts'
import { closedWord, instantOf, lineOf, maybeInstantOf, namedDomain, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { topicKeys, topics, verificationLevels, verificationMethods } from '../vocabulary.ts'

export const openTopics = topicKeys.filter((key) => !topics[key].confidential)

export const CreateSubmission = Type.Object(
  {
    account: Type.String({ minLength: 1, maxLength: 64, description: 'The account it is for, by number or id' }),
    domain: Type.String({ minLength: 1, maxLength: 255, description: 'The domain it is about, by name, or a host below it' }),
    topic: closedWord(openTopics, 'What it is about; a confidential topic is for contacts of the account'),
    subject: lineOf(200, 'What it is about, on one line'),
    message: Type.String({ minLength: 1, maxLength: 32_768, pattern: '\\S', description: 'What happened, in your words' }),
    details: Type.Optional(DetailsInput),
  },
  {
    $id: 'CreateSubmission',
    additionalProperties: false,
    examples: [{ account: 'C-10001', domain: 'example.com', topic: 'other', subject: 'It broke', message: 'Since noon.' }],
  },
)
export type CreateSubmission = Static<typeof CreateSubmission>

/** All that the submitter ever learns. */
export const ownStatuses = ['held', 'accepted', 'ended'] as const

export const OwnSubmission = Type.Object(
  {
    id: uuidOf('The submission'),
    account: Type.String({ description: 'As you stated it; whether there is such an account is not said' }),
    domain: Type.String({ description: 'As you stated it; whether the account holds it is not said' }),
    topic: openWord(openTopics, 'What it is about'),
    status: openWord(ownStatuses, '`held` until the account accepts it; otherwise it has `ended` 14 days after it arrived'),
    arrivedAt: instantOf('When it arrived'),
    endsAt: instantOf('When it ends unless it was accepted'),
  },
  { $id: 'OwnSubmission', additionalProperties: false },
)
export type OwnSubmission = Static<typeof OwnSubmission>

export const submissionStatuses = ['waiting', 'approved', 'released', 'declined', 'ended'] as const

/** What a contact sees: who asks first, then what he says. */
export const Submission = Type.Object(
  {
    id: uuidOf('The submission'),
    submitter: Type.Object(
      {
        user: namedPerson('Who asks; the name is what he calls himself'),
        verified: Type.Boolean({ description: 'Whether he has proven a mail address to us, or is known by a control panel' }),
        addresses: Type.Array(Type.String(), { description: 'The addresses he has proven' }),
        since: instantOf('How long we have known him'),
        verification: Type.Object(
          {
            method: openWord(verificationMethods, 'How he was verified when he sent it'),
            level: openWord(verificationLevels, 'How much that is worth'),
            at: instantOf('When'),
          },
          { additionalProperties: false },
        ),
      },
      { additionalProperties: false, description: 'Look at this first' },
    ),
    status: openWord(submissionStatuses, 'What became of it'),
    domain: namedDomain('The domain of the account it is about'),
    host: Type.String({ description: 'The name he stated: the domain, or a host below it' }),
    topic: openWord(openTopics, 'What it is about'),
    arrivedAt: instantOf('When it arrived'),
    endsAt: instantOf('When it ends unless somebody agrees'),
    decidedAt: maybeInstantOf('When it was decided'),
    words: Type.Union(
      [
        Type.Object(
          {
            from: Type.Literal('a stranger'),
            subject: Type.String(),
            message: Type.String(),
            details: Type.Unknown(),
          },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { description: 'Plain text of somebody without authority; its links are dead on purpose. Null once it has ended' },
    ),
    version: Type.Integer(),
  },
  { $id: 'Submission', additionalProperties: false },
)
export type Submission = Static<typeof Submission>

export const SubmissionFilters = { status: Type.Optional(closedWord(submissionStatuses, '`waiting` unless said otherwise')) }
