/** Every way in which a writer loses his authority, by the real gates. */
import { type SQL, sql } from 'drizzle-orm'
import { eventOf } from '../../src/authority/authorship.ts'
import { change } from '../../src/authority/change.ts'
import { question } from '../../src/authority/facts.ts'
import type { Ask } from '../../src/authority/judge.ts'
import type { Keys } from '../../src/authority/locks.ts'
import type { Database } from '../../src/database/open.ts'
import { append } from '../../src/journal/append.ts'
import type { EventKind } from '../../src/journal/kinds.ts'
import type { Action, StaffAction } from '../../src/vocabulary.ts'
import { type Request, send, type TestApp } from '../fixtures/app.ts'
import { account, type Person } from '../fixtures/cast.ts'
import { asAnswerer, asContact, asGrantee, asPanelUser, asStaff, callerOf, type Scene, type Stage } from './stage.ts'

/** The act that ends it: an event of this kind about this row tells afterwards in which commit. */
export type Ending = { kind: EventKind; resource: string; act: () => Promise<void> }

export type Way = {
  name: string
  scene: (stage: Stage) => Promise<Scene>
  end: (scene: Scene) => Ending
  /** The answer to whoever tries when it is done. */
  refused: { code: string; reason?: string }
  /** Writers send requests, instead of calling the gate. */
  viaHttp?: true
}

/** By the real route. */
function revokeGrant({ test, a, owner, row }: Scene): Ending {
  const act = async () => {
    const reply = await send(test, 'POST', `/v1/accounts/${a.id}/grants/${row}/revoke`, { token: owner.token, body: {} })
    if (reply.status !== 200) throw new Error(`revoking was answered with ${reply.text}`)
  }
  return { kind: 'grant.revoked', resource: row, act }
}

/** What staff do to the account or its domain, by the real route. Closing also resolves the tickets: they then have its commit, which is not late. */
const byStaff =
  (kind: EventKind, path: string, resourceOf: (scene: Scene) => string, rest: (scene: Scene) => Promise<Request>) =>
  (scene: Scene): Ending => {
    const { test, a, d, admin } = scene
    const url = `/v1/accounts/${a.id}/${path.replace('{domain}', d.id)}`
    const act = async () => {
      const reply = await send(test, 'POST', url, { token: admin.token, ...(await rest(scene)) })
      if (reply.status >= 300) throw new Error(`${path} was answered with ${reply.text}`)
    }
    return { kind, resource: resourceOf(scene), act }
  }
const because = async (): Promise<Request> => ({ body: { reason: 'Asked by phone' } })
const toAnother = async ({ test }: Scene): Promise<Request> => {
  const { id } = await account(test, 'Beta Ltd')
  return { ifMatch: 1, body: { to: id, reason: 'Sold to them' } }
}
const accountOf = ({ a }: Scene): string => a.id

/** An act that ends something, with one plain statement as its work. */
export type Deed = { by: Person; action: Action; account?: string; keys: Keys; kind: EventKind; resource: string; work: SQL }

/** Does it through the real gate, and leaves an event. */
export async function carryOut(test: TestApp, { by, action, account, keys, kind, resource, work }: Deed): Promise<void> {
  const ask: Ask = {
    action,
    staffAction: action as StaffAction,
    named: account === undefined ? {} : { account: { id: account } },
    about: (_loaded, asked) => question(asked, account ?? null),
  }
  await change(test.context, callerOf(test, by), ask, keys, async (tx: Database, authority) => {
    await tx.execute(work)
    await append(tx, eventOf(authority, kind, { resourceId: resource }))
  })
}

const ending = ({ test }: Scene, deed: Deed): Ending => ({ ...deed, act: () => carryOut(test, deed) })

const ofAccount =
  (kind: EventKind, byOwner: boolean, resourceOf: (scene: Scene) => string, work: (resource: string) => SQL) =>
  (scene: Scene): Ending => {
    const { a, owner, admin } = scene
    const resource = resourceOf(scene)
    const who = byOwner ? ({ by: owner, action: 'contact.manage' } as const) : ({ by: admin, action: 'staff.provision' } as const)
    return ending(scene, { ...who, account: a.id, keys: { accounts: [a.id] }, kind, resource, work: work(resource) })
  }

const ofUser =
  (kind: EventKind, whose: (scene: Scene) => Person, resourceOf: (scene: Scene) => string, work: (resource: string) => SQL) =>
  (scene: Scene): Ending => {
    const resource = resourceOf(scene)
    const keys = { users: [whose(scene).id] }
    return ending(scene, { by: scene.admin, action: 'staff.user.manage', keys, kind, resource, work: work(resource) })
  }

const removeContact = (id: string): SQL => sql`update contacts set status = 'ended', ended_at = now() where id = ${id}`
const suspendUser = (id: string): SQL => sql`update users set status = 'suspended', suspended_at = now() where id = ${id}`
const releaseDomain = (id: string): SQL => sql`with gone as (delete from domain_names where domain_id = ${id})
  update domains set released_at = now() where id = ${id}`
const writerOf = ({ writer }: Scene): Person => writer
const giverOf = ({ giver }: Scene): Person => giver as Person

function disableClient(scene: Scene): Ending {
  const resource = scene.client as string
  const work = sql`update clients set status = 'disabled', disabled_at = now() where id = ${resource}`
  return ending(scene, {
    by: scene.admin,
    action: 'staff.client.manage',
    keys: { clients: [resource] },
    kind: 'user.suspended',
    resource,
    work,
  })
}

/** What decides who may touch a ticket has a revision on the ticket. */
function makeConfidential(scene: Scene): Ending {
  const { a, owner, ticket } = scene
  const resource = ticket as string
  const work = sql`update tickets set topic = 'billing', authority_revision = authority_revision + 1 where id = ${resource}`
  return ending(scene, { by: owner, action: 'account.read', account: a.id, keys: {}, kind: 'ticket.closed', resource, work })
}

/** Every way that exists: R1 and R2 of docs/authority.md. */
export const ways: readonly Way[] = [
  {
    name: 'the grant is revoked',
    viaHttp: true,
    scene: (stage) => asGrantee(stage),
    end: revokeGrant,
    refused: { code: 'not_authorised', reason: 'grant_revoked' },
  },
  {
    name: 'the grant, which counts its uses, is revoked',
    viaHttp: true,
    scene: (stage) => asGrantee(stage, 1_000_000),
    end: revokeGrant,
    refused: { code: 'not_authorised', reason: 'grant_revoked' },
  },
  {
    name: 'the contact who gave the grant is removed',
    scene: (stage) => asGrantee(stage),
    end: ofAccount('contact.ended', true, ({ giverContact }) => giverContact as string, removeContact),
    refused: { code: 'not_authorised', reason: 'grant_suspended' },
  },
  {
    name: 'the user who gave the grant is suspended',
    scene: (stage) => asGrantee(stage),
    end: ofUser('user.suspended', giverOf, (scene) => giverOf(scene).id, suspendUser),
    refused: { code: 'not_authorised', reason: 'grant_suspended' },
  },
  {
    name: 'the user who holds the grant is suspended',
    scene: (stage) => asGrantee(stage),
    end: ofUser('user.suspended', writerOf, ({ writer }) => writer.id, suspendUser),
    refused: { code: 'unauthenticated' },
  },
  {
    name: 'the session is ended',
    scene: asContact,
    end: ofUser(
      'session.ended',
      writerOf,
      ({ writer }) => writer.session,
      (id) => sql`update sessions set ended_at = now() where id = ${id}`,
    ),
    refused: { code: 'unauthenticated' },
  },
  {
    name: 'the domain is released',
    scene: (stage) => asGrantee(stage),
    end: ofAccount('domain.released', false, ({ d }) => d.id, releaseDomain),
    refused: { code: 'not_authorised', reason: 'domain_not_in_grant' },
  },
  {
    name: 'the account is restricted',
    scene: (stage) => asGrantee(stage),
    end: byStaff('account.restricted', 'restrict', accountOf, because),
    refused: { code: 'not_authorised', reason: 'account_state' },
  },
  {
    name: 'the account is closed',
    scene: (stage) => asGrantee(stage),
    end: byStaff('account.closed', 'close', accountOf, because),
    refused: { code: 'not_authorised', reason: 'account_state' },
  },
  {
    name: 'the account of a contact is closed',
    scene: asContact,
    end: byStaff('account.closed', 'close', accountOf, because),
    refused: { code: 'not_authorised', reason: 'account_state' },
  },
  {
    name: 'the domain is moved into another account',
    scene: (stage) => asGrantee(stage),
    end: byStaff('domain.released', 'domains/{domain}/transfer', ({ d }) => d.id, toAnother),
    refused: { code: 'not_authorised', reason: 'domain_not_in_grant' },
  },
  {
    name: 'the contact who writes is removed',
    scene: asContact,
    end: ofAccount('contact.ended', true, ({ row }) => row, removeContact),
    refused: { code: 'not_authorised' },
  },
  {
    name: 'the staff role of the agent who writes is ended',
    scene: asStaff,
    end: ofUser(
      'staff.ended',
      writerOf,
      ({ row }) => row,
      (id) => sql`update staff_members set ended_at = now() where id = ${id}`,
    ),
    refused: { code: 'not_authorised' },
  },
  {
    name: 'the control panel the writer came through is disabled',
    scene: asPanelUser,
    end: disableClient,
    refused: { code: 'unauthenticated' },
  },
  {
    name: 'the grant is revoked, while tickets are answered',
    viaHttp: true,
    scene: asAnswerer,
    end: revokeGrant,
    refused: { code: 'not_found' },
  },
  {
    name: 'the ticket that is answered becomes confidential',
    viaHttp: true,
    scene: asAnswerer,
    end: makeConfidential,
    refused: { code: 'not_found' },
  },
]
