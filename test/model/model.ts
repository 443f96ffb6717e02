/**
 * What should be true, in a few lines: one account, an owner who stays, a manager who may not, two developers, two names. Written from
 * docs/authority.md and not from the code; the sequences hold the service to it.
 */

export type Developer = 'dora' | 'dirk'
export type Name = 'one.example' | 'two.example'
export type Grantor = 'owner' | 'manager'
export const developers: readonly Developer[] = ['dora', 'dirk']
export const names: readonly Name[] = ['one.example', 'two.example']
/** What the sequences grant, in the order of the bits that choose. */
export const granted = ['ticket.create', 'ticket.read', 'domain.read'] as const

export type Grant = {
  id: string
  version: number
  grantee: Developer
  grantor: Grantor
  /** Ids of domain rows: a name that comes back is another row. */
  domains: Set<string>
  actions: Set<string>
  reach: 'own' | 'domain'
  notBefore: number
  expiresAt: number
  /** Ended is for good; a suspended one has its causes. */
  ended: boolean
  causes: Set<'grantor_lost_authority' | 'no_domain' | 'account'>
}
export type Ticket = { id: string; domain: string; grant: string | null; createdAt: number }

export class Model {
  now: number
  /** The row that holds a name now. */
  readonly held = new Map<Name, string>()
  readonly grants: Grant[] = []
  readonly tickets: Ticket[] = []
  readonly suspended = new Set<Developer | 'manager'>()
  managerIsContact = true
  restricted = false

  constructor(now: number) {
    this.now = now
  }

  isHeld(domain: string): boolean {
    return [...this.held.values()].includes(domain)
  }

  /** "A grant is never worth more than its grantor." */
  isLive({ ended, causes, notBefore, expiresAt, grantor }: Grant): boolean {
    const grantorStands = grantor === 'owner' || (this.managerIsContact && !this.suspended.has('manager'))
    return !ended && causes.size === 0 && notBefore <= this.now && this.now < expiresAt && grantorStands && !this.restricted
  }

  private justifying(developer: Developer, action: string, domain: string): Grant[] {
    if (this.suspended.has(developer) || !this.isHeld(domain)) return []
    return this.grants.filter(
      (grant) => grant.grantee === developer && this.isLive(grant) && grant.domains.has(domain) && grant.actions.has(action),
    )
  }

  may(developer: Developer, action: 'ticket.create' | 'domain.read', domain: string): boolean {
    return this.justifying(developer, action, domain).length > 0
  }

  mayRead(developer: Developer, { domain, grant: openedUnder, createdAt }: Ticket): boolean {
    return this.justifying(developer, 'ticket.read', domain).some(
      ({ id, reach, notBefore }) => id === openedUnder || (reach === 'domain' && createdAt > notBefore),
    )
  }

  /** After contacts or domains changed: what no longer stands is suspended, and time does not lift it. */
  cascade(): void {
    for (const grant of this.grants) {
      if (grant.ended || this.now >= grant.expiresAt) continue
      if (grant.grantor === 'manager' && !this.managerIsContact) grant.causes.add('grantor_lost_authority')
      if (![...grant.domains].some((domain) => this.isHeld(domain))) grant.causes.add('no_domain')
    }
  }
}
