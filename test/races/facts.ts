/** What decisions read, and whose revision stands for it. */
import { type SQL, sql } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { asAnswerer, asContact, asGrantee, asPanelUser, asStaff, type Scene, type Stage } from './stage.ts'

/** Whose revision an act that alters the fact raises, and which row that is in a scene. */
export const owners = {
  writer: (scene: Scene) => sql`users set authority_revision = authority_revision + 1 where id = ${scene.writer.id}`,
  giver: (scene: Scene) => sql`users set authority_revision = authority_revision + 1 where id = ${scene.giver?.id}`,
  client: (scene: Scene) => sql`clients set authority_revision = authority_revision + 1 where id = ${scene.client}`,
  account: (scene: Scene) => sql`accounts set authority_revision = authority_revision + 1 where id = ${scene.a.id}`,
  ticket: (scene: Scene) => sql`tickets set authority_revision = authority_revision + 1 where id = ${scene.ticket}`,
}
export type Owner = keyof typeof owners
export type Fact = [fact: string, owner: Owner, change: (scene: Scene) => SQL]

const ofWriter: Fact[] = [
  ['the session is ended', 'writer', ({ writer }) => sql`update sessions set ended_at = now() where id = ${writer.session}`],
  [
    'the user is suspended',
    'writer',
    ({ writer }) => sql`update users set status = 'suspended', suspended_at = now() where id = ${writer.id}`,
  ],
]
const ofPerson: Fact[] = [
  ...ofWriter,
  ['the user has no proven address any more', 'writer', ({ writer }) => sql`delete from addresses where user_id = ${writer.id}`],
  ['the account is closed', 'account', ({ a }) => sql`update accounts set state = 'closed', state_changed_at = now() where id = ${a.id}`],
]
const ofGrant: Fact[] = [
  ...ofPerson,
  [
    'the giver is suspended',
    'giver',
    ({ giver }) => sql`update users set status = 'suspended', suspended_at = now() where id = ${giver?.id}`,
  ],
  ['the giver has no proven address any more', 'giver', ({ giver }) => sql`delete from addresses where user_id = ${giver?.id}`],
  [
    'the giver was compromised',
    'giver',
    ({ giver }) => sql`insert into compromises values (${giver?.id}, gen_random_uuid(), now() - interval '1 year', now())`,
  ],
  [
    "the giver's contact is removed",
    'account',
    ({ giverContact }) => sql`update contacts set status = 'ended', ended_at = now() where id = ${giverContact}`,
  ],
  ["the giver's role holds less", 'account', ({ giverContact }) => sql`update contacts set role = 'technical' where id = ${giverContact}`],
  ["the giver's contact is limited", 'account', ({ giverContact }) => sql`update contacts set limited = true where id = ${giverContact}`],
  [
    "the giver's contact awaits a yes",
    'account',
    ({ giverContact }) => sql`update contacts set confirmed_at = null where id = ${giverContact}`,
  ],
  ['the grant is revoked', 'account', ({ row }) => sql`update grants set status = 'revoked', ended_at = now() where id = ${row}`],
  [
    'the grant is suspended',
    'account',
    ({ row }) => sql`update grants set status = 'suspended', suspension_causes = '{staff}' where id = ${row}`,
  ],
  ['the grant loses its actions', 'account', ({ row }) => sql`update grants set actions = '{domain.read}' where id = ${row}`],
  ['the grant loses the topic', 'account', ({ row }) => sql`update grants set topics = '{website}' where id = ${row}`],
  ['the grant loses the domain', 'account', ({ row }) => sql`delete from grant_domains where grant_id = ${row}`],
  ['the grant is shortened', 'account', ({ row }) => sql`update grants set expires_at = now() where id = ${row}`],
  ['the domain is released', 'account', ({ d }) => sql`update domains set released_at = now() where id = ${d.id}`],
  ['the account is restricted', 'account', ({ a }) => sql`update accounts set state = 'restricted' where id = ${a.id}`],
]

/** Who writes, and every fact that the decision about it reads. */
export const scenes: { who: string; scene: (stage: Stage) => Promise<Scene>; facts: Fact[] }[] = [
  { who: 'a developer who opens a ticket', scene: (stage) => asGrantee(stage), facts: ofGrant },
  { who: 'a developer who opens one of a few tickets', scene: (stage) => asGrantee(stage, 5), facts: ofGrant },
  {
    who: 'a developer who answers a ticket',
    scene: asAnswerer,
    facts: [
      ...ofGrant,
      ['the ticket becomes confidential', 'ticket', ({ ticket }) => sql`update tickets set topic = 'billing' where id = ${ticket}`],
      [
        'the ticket moves to another domain',
        'ticket',
        ({ a, ticket }) => sql`with other as (insert into domains (account_id, id, name, created_at)
          values (${a.id}, ${uuid()}, ${`${uuid()}.example`}, now()) returning id) update tickets set domain_id = other.id from other where tickets.id = ${ticket}`,
      ],
    ],
  },
  {
    who: 'a contact who opens a ticket',
    scene: asContact,
    facts: [
      ...ofPerson,
      ['the contact is removed', 'account', ({ row }) => sql`update contacts set status = 'ended', ended_at = now() where id = ${row}`],
      ['the role holds less', 'account', ({ row }) => sql`update contacts set role = 'billing' where id = ${row}`],
      ['the contact is limited to other domains', 'account', ({ row }) => sql`update contacts set limited = true where id = ${row}`],
    ],
  },
  {
    who: 'a contact who opens one through a control panel',
    scene: asPanelUser,
    facts: [
      ...ofPerson,
      [
        'the panel is disabled',
        'client',
        ({ client }) => sql`update clients set status = 'disabled', disabled_at = now() where id = ${client}`,
      ],
      ['the panel may do less', 'client', ({ client }) => sql`update clients set scopes = '{ticket.read}' where id = ${client}`],
    ],
  },
  {
    who: 'an agent who opens a ticket',
    scene: asStaff,
    facts: [
      ...ofWriter,
      ['the staff role is ended', 'writer', ({ row }) => sql`update staff_members set ended_at = now() where id = ${row}`],
    ],
  },
]
