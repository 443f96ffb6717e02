import { type Static, Type } from '@sinclair/typebox'
import { instantOf, maybeInstantOf, maybeOpenWord, openWord, uuidOf } from '../http/shapes.ts'
import { accountActions, accountStates, contactRoles, reaches, selfActions, staffActions, staffRoles } from '../vocabulary.ts'

const Staff = Type.Object(
  {
    id: uuidOf('The row that justifies it'),
    role: openWord(staffRoles, 'The role'),
    actions: Type.Array(openWord(staffActions, 'What it permits in this session')),
  },
  { additionalProperties: false },
)

export const Me = Type.Object(
  {
    id: uuidOf('The user'),
    name: Type.String(),
    verified: Type.Boolean({
      description: 'Whether an address was proven, or your control panel vouches for you; otherwise you can speak for nobody',
    }),
    addresses: Type.Array(Type.Object({ address: Type.String(), provenAt: maybeInstantOf('Null: not proven') })),
    staffRole: maybeOpenWord(staffRoles, 'Null for everyone who does not work for the provider'),
    createdAt: instantOf('When you signed up'),
  },
  { $id: 'Me', additionalProperties: false },
)
export type Me = Static<typeof Me>

/** Some actions, by one row. */
const Held = Type.Object(
  {
    by: uuidOf('The contact or grant that justifies it: one of `by` of the account'),
    topics: Type.Union([Type.Array(Type.String()), Type.Null()], { description: 'On which topics; null for what is about no topic' }),
    actions: Type.Array(openWord(accountActions, 'What you may do')),
  },
  { $id: 'Held', additionalProperties: false },
)
export type Held = Static<typeof Held>

const Row = Type.Object(
  {
    capacity: openWord(['contact', 'grant'] as const, 'In which role'),
    id: uuidOf('The contact or grant'),
    role: maybeOpenWord(contactRoles, 'Of a contact; null for a grant'),
    reach: maybeOpenWord(reaches, 'Of a grant: its `own` tickets or others of its `domain` too; null for a contact'),
    expiresAt: maybeInstantOf('When it ends by itself; null: never'),
  },
  { additionalProperties: false },
)

export const MyAccount = Type.Object(
  {
    id: uuidOf('The account'),
    number: Type.String(),
    name: Type.String(),
    state: openWord(accountStates, 'Where the account stands'),
    by: Type.Array(Row, { description: 'The rows that tie you to it' }),
    authority: Type.Array(Type.Ref(Held), { description: 'What you may do for the account as a whole, and in tickets about no domain' }),
    domains: Type.Array(
      Type.Object(
        {
          id: uuidOf('The domain'),
          name: Type.String(),
          unicode: Type.String(),
          authority: Type.Array(Type.Ref(Held), { description: 'What you may do about it' }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { $id: 'MyAccount', additionalProperties: false },
)
export type MyAccount = Static<typeof MyAccount>

export const MyAuthority = Type.Object(
  {
    at: instantOf('When this was true'),
    self: Type.Array(openWord(selfActions, 'What you may do about yourself in this session')),
    staff: Type.Union([Staff, Type.Null()], { description: 'What you may do as staff, on every account' }),
    accounts: Type.Array(Type.Ref(MyAccount)),
  },
  { $id: 'MyAuthority', additionalProperties: false },
)
export type MyAuthority = Static<typeof MyAuthority>

export const shared = [Held, Me, MyAccount, MyAuthority]
