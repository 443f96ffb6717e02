import { type Static, Type } from '@sinclair/typebox'
import { instantOf, maybeInstantOf, maybeOpenWord, namedDomain, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { accountActions, contactRoles } from '../vocabulary.ts'

const closed = { additionalProperties: false } as const

const By = Type.Object(
  {
    capacity: openWord(['contact', 'grant'] as const, 'In which role'),
    id: uuidOf('The contact or grant'),
    role: maybeOpenWord(contactRoles, 'Of a contact; null for a grant'),
    domains: Type.Union([Type.Literal('all'), Type.Array(namedDomain('One of them'))], { description: '`all`, or the domains it is for' }),
    powers: Type.Array(
      Type.Object(
        {
          topics: Type.Union([Type.Array(Type.String()), Type.Null()], { description: 'On which topics; null for what is about no topic' }),
          actions: Type.Array(openWord(accountActions, 'What it permits')),
        },
        closed,
      ),
      { description: 'What it permits now, as the account stands' },
    ),
    since: instantOf('Since when it is in force'),
    expiresAt: maybeInstantOf('When it ends by itself; null: never'),
    givenBy: Type.Union([namedPerson('Who invited the contact, or stands for the grant'), Type.Null()], {
      description: 'Null where a service did',
    }),
    lastUsedAt: maybeInstantOf('When something was last written by this right; null: never'),
  },
  closed,
)

export const Speaker = Type.Object(
  {
    user: namedPerson('Who may speak'),
    verifiedBy: openWord(
      ['address', 'panel'] as const,
      '`address`: he has proven a mail address; `panel`: your control panel vouches for him',
    ),
    secondFactor: Type.Boolean({ description: 'Whether he has a second factor for signing in' }),
    by: Type.Array(By, { description: 'The contacts and grants that justify it' }),
  },
  { $id: 'Speaker', ...closed },
)
export type Speaker = Static<typeof Speaker>
