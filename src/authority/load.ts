/**
 * Reads facts: one prepared statement (`statements.ts`) brings everything a decision reads, with the revision of every row owner and the
 * database's clock, from one snapshot.
 */
import type { Made } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import type { ContactRole, ContactStatus, GrantStatus, SubmissionVerdict, TicketStatus } from '../vocabulary.ts'
import type { AccountFact, Ceiling, DomainFact, Facts, TicketFact } from './facts.ts'
import { type AlsoRead, type Facted, factsOfAll, factsOfMany, factsOfOne, type Shape, type ShapeOfMany } from './statements.ts'

/** Who asks: proven by the access token; whether user and session still live is part of the facts. */
export type Caller = {
  /** Null when a client speaks for itself. */
  userId: string | null
  /** The service it came through or from; null for a person's own sign-in. */
  clientId: string | null
  /** Of a narrowed token. */
  ceiling: Ceiling | null
  sessionId: string
  /** The `kid` of the key that signed his token; absent where none did. A key that was removed opens no session. */
  keyId?: string
  requestId: string
  /** When the person last proved himself, as the token says it; epoch ms. */
  authenticatedAt: number
}

/** The user of a caller who must be a person: what only people may do is refused to clients before it comes to this. */
export function personOf(caller: Pick<Caller, 'userId'>): string {
  if (caller.userId === null) throw new Error('a client has no user')
  return caller.userId
}

/** Whose requests these are: what answers and quotas are kept by. */
export function principalOf(caller: Pick<Caller, 'userId' | 'clientId'>): string {
  return caller.userId ?? (caller.clientId as string)
}

/** What the request names. Nothing is inferred: an account is only the one stated, a domain only one of that account. */
export type Named = {
  account?: { id: string } | { number: string } | undefined
  ticket?: string | undefined
  contact?: string | undefined
  grant?: string | undefined
  user?: string | undefined
  submission?: string | undefined
  /** Domains by id. */
  domainIds?: readonly string[] | undefined
  /** Domains by A-label; for a host also the names above it. */
  domainNames?: readonly string[] | undefined
  /** Every account of the caller instead of one: for lists. */
  everyAccount?: boolean
  idempotencyKey?: string | undefined
  /** What a feature shows of its own: read in the same statement, so that showing it is no other round trip. */
  also?: AlsoRead | undefined
}

export type TicketRow = TicketFact & { status: TicketStatus; version: number; resolvedAt: number | null }
export type ContactRow = {
  id: string
  userId: string | null
  role: ContactRole
  limited: boolean
  status: ContactStatus
  confirmed: boolean
  version: number
}
/** `domains` are the unreleased ones. */
export type GrantRow = { id: string; status: GrantStatus; granteeUserId: string | null; domains: DomainFact[]; version: number }
export type StoredAnswer = {
  fingerprint: string
  status: number | null
  headers: Record<string, string> | null
  body: unknown
  made: Made | null
}
/** Something held for the account, and the domain of the account it is about. Instants in epoch ms. */
export type SubmissionRow = {
  id: string
  submitterUserId: string
  domain: DomainFact
  verdict: SubmissionVerdict | null
  decidedAt: number | null
  endsAt: number
  version: number
}

export type Loaded = {
  facts: Facts
  account: AccountFact | null
  domains: DomainFact[]
  /** Which of the stated names other accounts hold, where a host and the names above it were stated; only ever shown to staff. */
  heldElsewhere: string[]
  ticket: TicketRow | null
  contact: ContactRow | null
  grant: GrantRow | null
  user: { id: string; status: string; version: number } | null
  submission: SubmissionRow | null
  stored: StoredAnswer | null
  /** What `also` asked for; for the feature that asked. */
  also: unknown
}

type Row = {
  now: number
  session: Facts['session']
  caller: Facts['user']
  staff: Facts['staff']
  client: Facts['client']
  stored?: StoredAnswer | null
  contacts?: Facts['contacts'] | null
  grants?: Facts['grants'] | null
  account?: AccountFact | null
  accounts?: AccountFact[] | null
  domains?: DomainFact[] | null
  heldElsewhere?: string[] | null
  ticket?: TicketRow | null
  contact?: ContactRow | null
  grant?: GrantRow | null
  user?: { id: string; status: string; version: number } | null
  submission?: SubmissionRow | null
  also?: unknown
}

/** Facts that are not read yet: of nobody, who may nothing. */
export const unread: Loaded = {
  facts: { now: 0, session: null, user: null, staff: null, client: null, ceiling: null, accounts: [], contacts: [], grants: [] },
  account: null,
  domains: [],
  heldElsewhere: [],
  ticket: null,
  contact: null,
  grant: null,
  user: null,
  submission: null,
  stored: null,
  also: null,
}

/** What a batch of questions about one subject names: every account, domain and ticket in it. */
export type NamedByMany = {
  accountIds: readonly string[]
  accountNumbers: readonly string[]
  domainIds: readonly string[]
  domainNames: readonly string[]
  ticketIds: readonly string[]
  /** Only what the caller has on accounts that are named; otherwise all he has anywhere. */
  onlyThere?: true
}

export type LoadedForMany = Loaded & { tickets: TicketFact[] }

type ManyRow = Row & { tickets?: TicketFact[] | null }

/** Loads, in one round trip, the facts to decide any number of questions about one principal. */
export async function loadForMany(db: Database, clockOffset: number, subject: Caller, named: NamedByMany): Promise<LoadedForMany> {
  const own = {
    caller: subject.userId,
    principal: principalOf(subject),
    session: subject.sessionId,
    key: subject.keyId ?? null,
    clockOffset,
    idempotencyKey: null,
  }
  const rows = await factsOfMany(shapeOfMany(named)).run(db, { ...own, ...named, account: named.accountIds[0] })
  const row = (rows[0] as Facted).facts as ManyRow
  return { ...toLoaded(row, subject.ceiling), tickets: row.tickets ?? [] }
}

/** Loads the facts for a caller and what his request names, in one round trip. `clockOffset` in ms; 0 outside tests. */
export async function load(db: Database, clockOffset: number, caller: Caller, named: Named): Promise<Loaded> {
  const own = {
    caller: caller.userId,
    principal: principalOf(caller),
    session: caller.sessionId,
    key: caller.keyId ?? null,
    clockOffset,
    idempotencyKey: named.idempotencyKey ?? null,
  }
  const rows = named.everyAccount
    ? await factsOfAll.run(db, own)
    : await factsOfOne(shapeOf(named), named.also).run(db, { ...own, ...parameters(named) })
  return toLoaded((rows[0] as Facted).facts as Row, caller.ceiling)
}

function parameters(named: Named): Record<string, unknown> {
  const { account } = named
  return {
    account: account !== undefined && 'id' in account ? account.id : null,
    number: account !== undefined && 'number' in account ? account.number : null,
    ticket: named.ticket ?? null,
    contact: named.contact ?? null,
    grant: named.grant ?? null,
    user: named.user ?? null,
    submission: named.submission ?? null,
    domainIds: named.domainIds ?? [],
    domainNames: named.domainNames ?? [],
  }
}

function shapeOfMany({ accountIds, accountNumbers, domainIds, domainNames, ticketIds, onlyThere }: NamedByMany): ShapeOfMany {
  const [everywhere, byNumber, byTicket] = [onlyThere !== true, accountNumbers.length > 0, ticketIds.length > 0]
  const oneAccount = accountIds.length === 1 && !everywhere && !byNumber && !byTicket
  return {
    everywhere,
    oneAccount,
    accountIds: accountIds.length > 0 && !oneAccount,
    accountNumbers: byNumber,
    domainIds: domainIds.length > 0,
    domainNames: domainNames.length > 0,
    ticketIds: byTicket,
  }
}

function shapeOf({ account, ticket, contact, grant, user, submission, domainIds, domainNames, idempotencyKey }: Named): Shape {
  return {
    id: account !== undefined && 'id' in account,
    number: account !== undefined && 'number' in account,
    ticket: ticket !== undefined,
    contact: contact !== undefined,
    grant: grant !== undefined,
    user: user !== undefined,
    submission: submission !== undefined,
    domainIds: domainIds !== undefined && domainIds.length > 0,
    domainNames: domainNames !== undefined && domainNames.length > 0,
    severalNames: domainNames !== undefined && domainNames.length > 1,
    key: idempotencyKey !== undefined,
  }
}

function toLoaded(row: Row, ceiling: Ceiling | null): Loaded {
  const account = row.account ?? null
  const facts: Facts = {
    now: row.now,
    session: row.session,
    user: row.caller,
    staff: row.staff,
    client: row.client,
    ceiling,
    accounts: row.accounts ?? (account === null ? [] : [account]),
    contacts: row.contacts ?? [],
    grants: row.grants ?? [],
  }
  return {
    facts,
    account,
    domains: row.domains ?? [],
    heldElsewhere: row.heldElsewhere ?? [],
    ticket: row.ticket ?? null,
    contact: row.contact ?? null,
    grant: row.grant ?? null,
    user: row.user ?? null,
    submission: row.submission ?? null,
    stored: row.stored ?? null,
    also: row.also ?? null,
  }
}
