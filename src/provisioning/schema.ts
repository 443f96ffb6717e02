import { type Static, Type } from '@sinclair/typebox'
import { closedWord, lineOf, openWord, uuidOf } from '../http/shapes.ts'
import { accountStates, contactRoles } from '../vocabulary.ts'

/** What a realm calls one of its things. It can stand in a path, so it has neither blanks nor control characters. */
const externalId = (description: string) => Type.String({ pattern: '^[\\x21-\\x7e]{1,255}$', description })

export const account = externalId('What your system calls the account; it never changes')
export const domain = externalId('What your system calls the domain within the account')
export const contact = externalId('What your system calls the contact within the account')

export const AccountPath = Type.Object({ external: account })
export const DomainPath = Type.Object({ external: account, externalDomain: domain })
export const ContactPath = Type.Object({ external: account, externalContact: contact })

export const accountTerms = {
  name: lineOf(200, 'The name of the customer'),
  number: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
      description: 'What the account is known by, unique for the provider; absent: the next free one. It is given once',
    }),
  ),
}
export const domainTerms = { name: Type.String({ minLength: 1, maxLength: 1_024, description: 'The name, in A-label or Unicode form' }) }
export const contactTerms = {
  subject: lineOf(255, 'Your stable id of the user, as the `sub` of your assertions: never an e-mail address. We know him by nothing else'),
  name: lineOf(200, 'What the person is called; taken when he is new to us'),
  role: closedWord(contactRoles, 'What it may do'),
  domains: Type.Optional(
    Type.Union(
      [Type.Literal('all'), Type.Array(externalId('One of the domains of this account, as you call it'), { minItems: 1, maxItems: 100 })],
      { description: '`all`, or what its authority is limited to; an owner is never limited' },
    ),
  ),
  address: Type.Optional(
    Type.String({ minLength: 3, maxLength: 254, description: 'For notices only. It identifies nobody until the user has proven it' }),
  ),
}
export const closed = { additionalProperties: false } as const

export const PutAccount = Type.Object(accountTerms, { $id: 'ProvisionAccount', ...closed, examples: [{ name: 'Example Ltd' }] })
export type PutAccount = Static<typeof PutAccount>

export const PutDomain = Type.Object(domainTerms, { $id: 'ProvisionDomain', ...closed, examples: [{ name: 'example.com' }] })
export type PutDomain = Static<typeof PutDomain>

export const PutContact = Type.Object(contactTerms, {
  $id: 'ProvisionContact',
  ...closed,
  examples: [{ subject: 'user-17', name: 'Anna Example', role: 'owner' }],
})
export type PutContact = Static<typeof PutContact>

const changed = Type.Boolean({ description: 'Whether this request made a difference' })

export const ProvisionedAccount = Type.Object(
  {
    external: account,
    id: uuidOf('The account'),
    number: Type.String(),
    name: Type.String(),
    state: openWord(accountStates, '`new` until it has an owner; a `new` one permits its contacts nothing'),
    changed,
  },
  { $id: 'ProvisionedAccount', ...closed },
)
export type ProvisionedAccount = Static<typeof ProvisionedAccount>

export const ProvisionedDomain = Type.Object(
  { external: domain, id: uuidOf('The domain; another name is another domain'), name: Type.String(), unicode: Type.String(), changed },
  { $id: 'ProvisionedDomain', ...closed },
)
export type ProvisionedDomain = Static<typeof ProvisionedDomain>

export const ProvisionedContact = Type.Object(
  {
    external: contact,
    id: uuidOf('The contact'),
    user: uuidOf('Who he is with us; what to ask decisions about'),
    role: openWord(contactRoles, 'What it may do'),
    confirmed: Type.Boolean({
      description:
        'Where the account had an owner before, it holds no power over grants, contacts and submissions before an owner has said yes',
    }),
    changed,
  },
  { $id: 'ProvisionedContact', ...closed },
)
export type ProvisionedContact = Static<typeof ProvisionedContact>

export const shared = [ProvisionedAccount, ProvisionedDomain, ProvisionedContact]
