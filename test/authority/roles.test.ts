/** The words of authority and the tables over them: who holds what, before any domain, topic or time. */
import t from 'tap'
import {
  isAccountAction,
  isDelegable,
  isSelfAction,
  isStaffAction,
  roleCovers,
  roleHolds,
  staffHolds,
} from '../../src/authority/actions.ts'
import { actions, contactOnlyActions, contactRoles, delegableActions, selfActions, staffActions, staffRoles } from '../../src/vocabulary.ts'

t.test('every action is of exactly one kind', async (t) => {
  t.equal(new Set(actions).size, actions.length, 'none twice')
  for (const action of actions) {
    const kinds = [isDelegable(action), isAccountAction(action) && !isDelegable(action), isStaffAction(action), isSelfAction(action)]
    t.equal(kinds.filter(Boolean).length, 1, action)
  }
  const all = [...delegableActions, ...contactOnlyActions, ...staffActions, ...selfActions]
  t.strictSame(all.toSorted(), [...actions].sort(), 'and the kinds are all there is')
})

t.test('words that are no action are of no kind', async (t) => {
  for (const word of ['', 'ticket', 'ticket.*', 'Ticket.Read', 'staff.', 'self.', '__proto__', 'constructor']) {
    t.notOk(isDelegable(word) || isAccountAction(word) || isStaffAction(word) || isSelfAction(word), word)
  }
})

t.test('A1: whoever may give a grant holds everything that a grant can carry', async (t) => {
  const givers = contactRoles.filter((role) => roleHolds({ role, confirmed: true }, 'grant.manage'))
  t.strictSame(givers, ['owner', 'manager'])
  for (const role of givers) {
    for (const action of delegableActions) t.ok(roleHolds({ role, confirmed: true }, action), `${role}: ${action}`)
  }
})

t.test('contacts hold no action of staff, staff none of contacts, and nobody one of self by a role', async (t) => {
  for (const role of contactRoles) {
    t.strictSame(
      actions.filter((action) => roleHolds({ role, confirmed: true }, action) && !isAccountAction(action)),
      [],
      role,
    )
  }
  for (const role of staffRoles) {
    t.strictSame(
      actions.filter((action) => staffHolds(role, action) && !isStaffAction(action)),
      [],
      role,
    )
  }
  t.strictSame(
    actions.filter((action) => staffHolds('admin', action)),
    [...staffActions],
    'an admin holds all of staff',
  )
})

t.test('a contact added by staff holds no power over others before an owner’s yes, and all else', async (t) => {
  for (const role of contactRoles) {
    const withheld = actions.filter(
      (action) => roleHolds({ role, confirmed: true }, action) && !roleHolds({ role, confirmed: false }, action),
    )
    const powers = ['contact.manage', 'grant.manage', 'submission.decide']
    t.strictSame(withheld.toSorted(), role === 'owner' || role === 'manager' ? powers : [], role)
  }
})

t.test('owner > manager > technical, billing: a total preorder, so that of any two one covers the other', async (t) => {
  for (const one of contactRoles) {
    t.ok(roleCovers(one, one), `${one} covers himself`)
    for (const other of contactRoles) {
      t.ok(roleCovers(one, other) || roleCovers(other, one), `${one} and ${other} compare`)
      for (const third of contactRoles) {
        t.ok(!(roleCovers(one, other) && roleCovers(other, third)) || roleCovers(one, third), `${one}, ${other}, ${third}`)
      }
    }
  }
  const covered = (role: (typeof contactRoles)[number]) => contactRoles.filter((other) => roleCovers(role, other))
  t.strictSame(covered('owner'), [...contactRoles])
  t.strictSame(covered('manager'), ['manager', 'technical', 'billing'])
  t.strictSame(covered('technical'), ['technical', 'billing'])
  t.strictSame(covered('billing'), ['technical', 'billing'])
})

t.test('who may make a contact of a role holds what that role holds', async (t) => {
  const makers = contactRoles.filter((role) => roleHolds({ role, confirmed: true }, 'contact.manage'))
  for (const maker of makers) {
    for (const role of contactRoles.filter((other) => roleCovers(maker, other))) {
      const beyond = actions.filter(
        (action) => roleHolds({ role, confirmed: true }, action) && !roleHolds({ role: maker, confirmed: true }, action),
      )
      t.strictSame(beyond, [], `${maker} makes ${role}`)
    }
  }
})
