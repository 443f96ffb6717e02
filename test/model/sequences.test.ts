/**
 * Sequences of acts against the real API, each held to a small model: after every act, what anybody may do is what the model says, asked of
 * the decision point, of the routes and of the lists (D2, R1, R5, R6, R7, R8, S6, S7). MODEL_RUNS runs more for a night; FC_SEED repeats one.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { sessions } from '../../src/database/tables.ts'
import { openTestApp, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { account, contact, domain, type Person, person, staff, tokenFor } from '../fixtures/cast.ts'
import { tokenMailedTo } from '../fixtures/mail.ts'
import { ticketsWithoutAuthority } from '../fixtures/theorem.ts'
import { type Developer, developers, type Grant, type Grantor, granted, Model, type Name, names, type Ticket } from './model.ts'

const runs = Number(process.env['MODEL_RUNS'] ?? 8)
const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
const dayMs = 86_400_000

t.setTimeout(60_000 + runs * 20_000)

/** The service with its cast, and the model beside it. */
class World {
  readonly test: TestApp
  readonly account: { id: string; number: string }
  readonly people: Record<Developer | 'owner' | 'manager' | 'admin', Person>
  readonly managerContact: string
  readonly model: Model

  private constructor(test: TestApp, made: Pick<World, 'account' | 'people' | 'managerContact'>) {
    this.test = test
    this.account = made.account
    this.people = made.people
    this.managerContact = made.managerContact
    this.model = new Model(test.clock.now())
  }

  static async open(test: TestApp, tag: string): Promise<World> {
    const made = await account(test, `Account ${tag}`)
    const people = {
      owner: await person(test, `owner ${tag}`),
      manager: await person(test, `manager ${tag}`),
      dora: await person(test, `dora ${tag}`),
      dirk: await person(test, `dirk ${tag}`),
      admin: await staff(test, `admin ${tag}`, 'admin'),
    }
    await contact(test, made, people.owner, 'owner')
    const managerContact = await contact(test, made, people.manager, 'manager')
    const world = new World(test, { account: made, people, managerContact })
    for (const name of names) world.model.held.set(name, (await domain(test, made, world.nameOf(name))).id)
    return world
  }

  /** Names are unique for the provider, so each sequence has its own. */
  nameOf(name: Name): string {
    return `${this.account.number.toLowerCase()}.${name}`
  }

  /** Sessions end while days pass. */
  async signInAgain(): Promise<void> {
    const at = new Date(this.test.clock.now())
    for (const person of Object.values(this.people)) {
      person.session = uuid()
      const times = { createdAt: at, authenticatedAt: at, expiresAt: new Date(at.getTime() + dayMs / 2) }
      const row = { id: person.session, userId: person.id, kind: 'person', method: 'password', level: 'one_factor', ...times } as const
      await this.test.context.db.insert(sessions).values(row)
      person.token = await tokenFor(this.test, person.id, person.session)
    }
  }

  send(who: keyof World['people'], method: string, path: string, rest: object = {}): Promise<Sent> {
    return send(this.test, method, path, { token: this.people[who].token, ...rest })
  }

  get path(): string {
    return `/v1/accounts/${this.account.id}`
  }
}

type Act = { name: string; run: (world: World) => Promise<void> }
const done = ({ status, text }: Sent): void => assert.ok(status < 300, `${status} ${text}`)
const pick = <T>(from: readonly T[], at: number): T | undefined => from[at % Math.max(from.length, 1)]

// ---- the acts

const offer = (grantee: Developer, grantor: Grantor, on: number, may: number, reach: Grant['reach'], days: number): Act => ({
  name: `${grantor} grants ${grantee}`,
  async run(world) {
    const { model, people } = world
    if (grantor === 'manager' && (!model.managerIsContact || model.suspended.has('manager'))) return
    const domains = names.filter((name, index) => model.held.has(name) && ((on + 1) >> index) % 2 === 1)
    const actions = granted.filter((_, index) => ((may + 1) >> index) % 2 === 1)
    if (domains.length === 0 || model.suspended.has(grantee)) return
    const expiresAt = model.now + days * dayMs
    const body = {
      grantee: { address: people[grantee].address },
      domains: domains.map((name) => world.nameOf(name)),
      actions,
      reach,
      expiresAt: new Date(expiresAt).toISOString(),
    }
    const made = await world.send(grantor, 'POST', `${world.path}/grants`, { key: true, body })
    done(made)
    const accepted = await send(world.test, 'POST', '/v1/invitations/accept', {
      token: people[grantee].token,
      body: { token: await tokenMailedTo(world.test, people[grantee].address) },
    })
    if (model.restricted) return assert.equal(accepted.status, 409, 'not while the account is restricted')
    done(accepted)
    const held = domains.map((name) => model.held.get(name) as string)
    const notBefore = Date.parse(accepted.body.grant.notBefore)
    const { id } = made.body
    const terms = { domains: new Set(held), actions: new Set<string>(actions), reach, notBefore, expiresAt }
    model.grants.push({ id, version: 2, grantee, grantor, ...terms, ended: false, causes: new Set() })
  },
})

const revoke = (at: number): Act => ({
  name: 'a grant is revoked',
  async run(world) {
    const grant = pick(world.model.grants, at)
    if (grant === undefined) return
    const reply = await world.send('owner', 'POST', `${world.path}/grants/${grant.id}/revoke`, { body: {} })
    if (!grant.ended && world.model.now >= grant.expiresAt) return assert.equal(reply.status, 409, 'its time had ended it')
    done(reply)
    grant.ended = true
  },
})

/** One that has not ended, by an act or by its time. */
const inForce = ({ model }: World, at: number): Grant | undefined =>
  pick(
    model.grants.filter(({ ended, expiresAt }) => !ended && model.now < expiresAt),
    at,
  )

/** An act of the owner on a grant; those that give want the version that was seen. */
async function onGrant(world: World, grant: Grant, act: 'suspend' | 'resume' | 'adopt'): Promise<void> {
  const path = `${world.path}/grants/${grant.id}`
  const { headers } = await world.send('owner', 'GET', path)
  const body = act === 'adopt' ? {} : { body: {} }
  done(await world.send('owner', 'POST', `${path}/${act}`, { ...body, headers: { 'if-match': String(headers['etag']) } }))
}

const suspendGrant = (at: number): Act => ({
  name: 'a grant is suspended',
  async run(world) {
    const grant = inForce(world, at)
    if (grant === undefined) return
    await onGrant(world, grant, 'suspend')
    grant.causes.add('account')
  },
})

const resumeGrant = (at: number): Act => ({
  name: 'a grant goes on',
  async run(world) {
    const grant = inForce(world, at)
    if (grant?.causes.has('account') !== true) return
    await onGrant(world, grant, 'resume')
    grant.causes.delete('account')
  },
})

/** R5: not live until adopted; what else keeps it suspended stays. */
const adopt = (at: number): Act => ({
  name: 'the owner adopts a grant',
  async run(world) {
    const grant = inForce(world, at)
    if (grant === undefined || grant.grantor === 'owner' || world.model.restricted || grant.causes.has('no_domain')) return
    await onGrant(world, grant, 'adopt')
    grant.grantor = 'owner'
    grant.causes.delete('grantor_lost_authority')
  },
})

const removeManager: Act = {
  name: 'the manager is removed',
  async run(world) {
    done(await world.send('owner', 'DELETE', `${world.path}/contacts/${world.managerContact}`))
    world.model.managerIsContact = false
    world.model.cascade()
  },
}

const suspend = (whom: Developer | 'manager'): Act => ({
  name: `${whom} is suspended`,
  async run(world) {
    done(await world.send('admin', 'POST', `/v1/users/${world.people[whom].id}/suspend`, { body: { reason: 'Stolen laptop' } }))
    world.model.suspended.add(whom)
  },
})

const restore = (whom: Developer | 'manager'): Act => ({
  name: `${whom} is restored`,
  async run(world) {
    if (!world.model.suspended.has(whom)) return
    done(await world.send('admin', 'POST', `/v1/users/${world.people[whom].id}/restore`))
    world.model.suspended.delete(whom)
  },
})

const release = (name: Name): Act => ({
  name: `${name} is released`,
  async run(world) {
    const row = world.model.held.get(name)
    if (row === undefined) return
    done(await world.send('admin', 'DELETE', `${world.path}/domains/${row}`))
    world.model.held.delete(name)
    world.model.cascade()
  },
})

const bringBack = (name: Name): Act => ({
  name: `${name} comes back`,
  async run(world) {
    if (world.model.held.has(name)) return
    const added = await world.send('admin', 'POST', `${world.path}/domains`, { body: { name: world.nameOf(name) } })
    done(added)
    world.model.held.set(name, added.body.id)
  },
})

const restrict: Act = {
  name: 'the account is restricted',
  async run(world) {
    if (world.model.restricted) return
    done(await world.send('admin', 'POST', `${world.path}/restrict`, { body: { reason: 'Unpaid' } }))
    world.model.restricted = true
  },
}

const reopen: Act = {
  name: 'the account is open again',
  async run(world) {
    if (!world.model.restricted) return
    const { headers } = await world.send('owner', 'GET', world.path)
    const ifMatch = { headers: { 'if-match': String(headers['etag']) } }
    done(await world.send('admin', 'POST', `${world.path}/reopen`, { body: { reason: 'Paid' }, ...ifMatch }))
    world.model.restricted = false
  },
}

/** Whoever may opens it; whoever may not is refused, and nothing is written. */
const open = (who: Developer | 'owner', name: Name): Act => ({
  name: `${who} opens a ticket on ${name}`,
  async run(world) {
    const { model } = world
    const row = model.held.get(name)
    const body = { account: world.account.number, domain: world.nameOf(name), topic: 'other', subject: 'It broke', message: 'Since noon.' }
    const { status, body: made, text } = await world.send(who, 'POST', '/v1/tickets', { key: true, body })
    const may = row !== undefined && (who === 'owner' || model.may(who, 'ticket.create', row))
    const expected = who !== 'owner' && model.suspended.has(who) ? 401 : may ? 201 : 403
    assert.equal(status, expected, text)
    if (expected !== 201) return
    const grant = who === 'owner' ? null : made.openedBy.via
    model.tickets.push({ id: made.id, domain: row as string, grant, createdAt: Date.parse(made.createdAt) })
  },
})

const wait = (days: number): Act => ({
  name: `${days} days pass`,
  async run(world) {
    world.test.clock.advance(Math.round(days * dayMs))
    await world.signInAgain()
  },
})

const at = fc.nat(5)
const whom = fc.constantFrom<Developer | 'manager'>('dora', 'dirk', 'manager')
const name = fc.constantFrom(...names)
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...developers),
        fc.constantFrom<Grantor>('owner', 'manager', 'manager'),
        fc.nat(2),
        fc.nat(6),
        fc.constantFrom<Grant['reach']>('own', 'domain'),
        fc.constantFrom(1, 5, 30),
      )
      .map((drawn) => offer(...drawn)),
  },
  { weight: 5, arbitrary: fc.tuple(fc.constantFrom<Developer | 'owner'>('dora', 'dirk', 'owner'), name).map((drawn) => open(...drawn)) },
  { weight: 2, arbitrary: at.map(revoke) },
  { weight: 2, arbitrary: at.map(suspendGrant) },
  { weight: 2, arbitrary: at.map(resumeGrant) },
  { weight: 3, arbitrary: at.map(adopt) },
  { weight: 1, arbitrary: fc.constant(removeManager) },
  { weight: 1, arbitrary: whom.map(suspend) },
  { weight: 2, arbitrary: whom.map(restore) },
  { weight: 1, arbitrary: name.map(release) },
  { weight: 2, arbitrary: name.map(bringBack) },
  { weight: 1, arbitrary: fc.constant(restrict) },
  { weight: 2, arbitrary: fc.constant(reopen) },
  { weight: 1, arbitrary: fc.constantFrom(0.4, 2.3, 10.7).map(wait) },
)

// ---- what must hold after each

type Asked = { evaluation: object; expected: boolean; what: string }

function everything({ model, people, account: { number } }: World): Asked[] {
  return developers.flatMap((developer) => {
    const subject = { type: 'user', id: people[developer].id }
    const onDomains = [...model.held.values()].flatMap((id) =>
      (['ticket.create', 'domain.read'] as const).map((action) => ({
        evaluation: { subject, action: { name: action }, resource: { type: 'domain', id }, context: { account: number, topic: 'other' } },
        expected: model.may(developer, action, id),
        what: `${developer} ${action} ${id}`,
      })),
    )
    const onTickets = model.tickets.map((ticket) => ({
      evaluation: { subject, action: { name: 'ticket.read' }, resource: { type: 'ticket', id: ticket.id } },
      expected: model.mayRead(developer, ticket),
      what: `${developer} ticket.read ${ticket.id}`,
    }))
    return [...onDomains, ...onTickets]
  })
}

async function holds(world: World): Promise<void> {
  const asked = everything(world)
  if (asked.length > 0) {
    const reply = await world.send('owner', 'POST', '/access/v1/evaluations', {
      body: { evaluations: asked.map(({ evaluation }) => evaluation) },
    })
    done(reply)
    const answers: { decision: boolean }[] = reply.body.evaluations
    for (const [index, { expected, what }] of asked.entries()) assert.equal(answers[index]?.decision, expected, what)
  }
  for (const developer of developers) await listHolds(world, developer)
  const all = await world.send('owner', 'GET', `/v1/tickets?account=${world.account.number}&limit=100`)
  assert.deepEqual(ids(all.body.items), ids(world.model.tickets), 'the account keeps every ticket (R8)')
}

/** S6: the list is what each could read alone; a suspended user has no list at all (R6). */
async function listHolds(world: World, developer: Developer): Promise<void> {
  const { status, body } = await world.send(developer, 'GET', '/v1/tickets?limit=100')
  if (world.model.suspended.has(developer)) return assert.equal(status, 401)
  assert.deepEqual(
    ids(body.items),
    ids(world.model.tickets.filter((ticket) => world.model.mayRead(developer, ticket))),
    `${developer}’s list`,
  )
}

const ids = (rows: readonly Pick<Ticket, 'id'>[]): string[] => rows.map(({ id }) => id).sort()

t.test('R6, R8, S6, S7: whatever happens, everybody may do what the model says, and nothing else', async (t) => {
  const test = await openTestApp(t, { STEP_UP_SECONDS: '86400' })
  let count = 0
  const named = acts.map((act) => ({ ...act, [fc.toStringMethod]: () => act.name }))
  const property = fc.asyncProperty(fc.array(named, { minLength: 8, maxLength: 24, size: 'max' }), async (sequence) => {
    const world = await World.open(test, `${count++}`)
    const past: string[] = []
    try {
      for (const act of sequence) {
        past.push(act.name)
        world.model.now = test.clock.now()
        await act.run(world)
        world.model.now = test.clock.now()
        await holds(world)
      }
    } catch (error) {
      throw new Error(`after: ${past.join('; ')}`, { cause: error })
    }
  })
  await fc.assert(property, { numRuns: runs, endOnFailure: true, ...seed })
  t.equal(count, runs)
  t.strictSame(await ticketsWithoutAuthority(test.context.db), [], 'C6: nor is there a ticket that nobody was permitted to open')
})
