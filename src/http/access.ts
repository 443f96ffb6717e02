/**
 * What a route says about who may use it, and how that becomes a question. Every route declares it; the server does not start with
 * one that does not (`authentication.ts`).
 */
import { actionFor } from '../authority/asked.ts'
import { decide } from '../authority/decide.ts'
import { type DomainFact, type Question, question, questionAboutTicket } from '../authority/facts.ts'
import type { Ask } from '../authority/judge.ts'
import type { Loaded, Named } from '../authority/load.ts'
import { hasTie } from '../authority/reason.ts'
import type { AlsoRead } from '../authority/statements.ts'
import { normaliseHostname } from '../hostname.ts'
import type { Action, DelegableAction, StaffAction } from '../vocabulary.ts'

/**
 * What the path names:
 * `nothing` (about the caller himself, or the provider as a whole) · `account` · `domain`, `contact`, `grant`, `submission` (below an account) ·
 * `ticket` · `user` · `everywhere` (a list over all accounts within reach, or over the one its query states) · `body` (the body names it; the
 * gate decides).
 */
export type On = 'nothing' | 'account' | 'domain' | 'contact' | 'grant' | 'submission' | 'ticket' | 'user' | 'everywhere' | 'body'

export type Secured = {
  action: Action
  /** What staff are asked instead; without it staff may not use the route. */
  staffAction?: StaffAction
  /** What a developer under a grant is asked instead, where a contact is asked for something no grant carries. */
  delegateAction?: DelegableAction
  on: On
  /**
   * Below an account, where not the account as a whole is asked about: a list shows what is in reach, an act is decided by its gate when
   * the body has said which domains it is about. Nothing in reach is refused like everything else.
   */
  list?: true
  stepUp?: true
  /**
   * The facts are read once the body is known, in one go: what it names, or what the handler reads by itself and has judged (`own`).
   * Whoever is not signed in is told so all the same before anything is said about his body.
   */
  late?: ((body: never) => Named) | 'own'
  /** What the handler shows, read with the facts. */
  also?: AlsoRead
  /** Only takes away, so repeating it answers the same: also on a domain that was released by the first time. */
  again?: true
  /** On POST a key is optional unless this says `required`. */
  idempotency?: 'required'
  ifMatch?: true
}

/** `open: true` needs no caller; `open: 'optional'` uses one when a token is sent. */
export type Access = { open: true | 'optional' } | Secured

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
export const isUuid = (text: unknown): text is string => typeof text === 'string' && uuidForm.test(text)

/** An account as people name it: by id or by number. */
export function accountRef(text: string): { id: string } | { number: string } {
  return isUuid(text) ? { id: text } : { number: text }
}

/** A domain as people name it: by id or by name; undefined when it can be neither. */
export function domainRef(text: string): { id: string } | { name: string } | undefined {
  if (isUuid(text)) return { id: text }
  const normal = normaliseHostname(text)
  return 'name' in normal ? { name: normal.name } : undefined
}

type Params = Record<string, string | undefined>
type Query = { account?: unknown }

/**
 * What the path names, for the facts. Something that cannot be an id names nothing, and so is not found. Of the query, which may still be
 * anything, only that one account is stated: then no fact about another is needed.
 */
export function namedByPath(secured: Secured, params: Params, { account: stated }: Query = {}): Named {
  if (secured.on === 'everywhere') return typeof stated === 'string' ? { account: accountRef(stated) } : { everyAccount: true }
  const domain = params['domain'] === undefined ? undefined : domainRef(params['domain'])
  const id = (name: string): string | undefined => (isUuid(params[name]) ? params[name] : undefined)
  return {
    account: params['account'] === undefined ? undefined : accountRef(params['account']),
    domainIds: domain !== undefined && 'id' in domain ? [domain.id] : [],
    domainNames: domain !== undefined && 'name' in domain ? [domain.name] : [],
    contact: id('contact'),
    grant: id('grant'),
    submission: id('submission'),
    ticket: id('ticket'),
    user: id('user'),
  }
}

/** The ask of a route whose path says it all. */
export function askOfPath(secured: Secured, params: Params, query?: Query): Ask {
  const { action, staffAction, delegateAction, stepUp, on } = secured
  const hides = on !== 'nothing' && on !== 'body' && on !== 'everywhere'
  return {
    action,
    staffAction,
    delegateAction,
    stepUp,
    named: { ...namedByPath(secured, params, query), also: secured.also },
    about: (loaded, asked) => questionOn(secured, loaded, asked),
    seen: hides ? (loaded) => isSeen(secured, on, loaded) : undefined,
  }
}

function questionOn({ on, again }: Pick<Secured, 'on' | 'again'>, loaded: Loaded, action: Action): Question | null {
  const account = loaded.account?.id ?? null
  switch (on) {
    case 'ticket':
      return loaded.ticket && questionAboutTicket(action, loaded.ticket, domainOf(loaded, loaded.ticket.domainId))
    case 'domain':
      return loaded.domains[0] === undefined
        ? null
        : question(action, account, { domains: [again ? asHeld(loaded.domains[0]) : loaded.domains[0]] })
    case 'contact':
      return loaded.contact && question(action, account, { targets: [{ role: loaded.contact.role }] })
    case 'grant':
      return loaded.grant && question(action, account, { domains: loaded.grant.domains })
    case 'submission':
      return loaded.submission && question(action, account, { domains: [loaded.submission.domain] })
    case 'account':
      return account === null ? null : question(action, account)
    case 'user':
      return loaded.user && question(action, null)
    default:
      return question(action, null)
  }
}

const asHeld = (domain: DomainFact): DomainFact => ({ ...domain, releasedAt: null })
const domainOf = (loaded: Loaded, id: string | null) => loaded.domains.find((domain) => domain.id === id) ?? null

/** What it takes to see each kind of thing; whoever may not see it is told that it does not exist. */
const seeing = {
  account: null,
  domain: { action: 'domain.read', staffAction: 'staff.directory.read' },
  contact: { action: 'contact.read', staffAction: 'staff.directory.read' },
  grant: { action: 'grant.read', staffAction: 'staff.directory.read' },
  submission: { action: 'submission.decide', staffAction: 'staff.submission.decide' },
  ticket: { action: 'ticket.read', staffAction: 'staff.ticket.work' },
  user: { action: 'staff.directory.read', staffAction: 'staff.directory.read' },
} as const

function isSeen({ again }: Secured, on: keyof typeof seeing, loaded: Loaded): boolean {
  const { facts, account } = loaded
  const sight = seeing[on]
  if (sight === null) return account !== null && hasTie(facts, account.id, facts.now)
  const asked = questionOn({ on, ...(again && { again }) }, loaded, actionFor(sight, loaded))
  return asked !== null && decide(facts, { ...asked, targets: [] }, facts.now).permit
}
