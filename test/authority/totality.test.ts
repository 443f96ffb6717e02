/** D8: the decision is total. Whatever it is asked about whatever facts, it answers; and junk never permits. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decide } from '../../src/authority/decide.ts'
import type { Facts, Question, Via } from '../../src/authority/facts.ts'
import { denyReasons } from '../../src/vocabulary.ts'
import { always, anything, caller, type Instance, ids, now } from './arbitraries.ts'

/** What is asked, as it could come to be: three values of which nothing is known. */
type Asked = { facts: unknown; question: unknown; now: unknown }
const ask = ({ facts, question, now }: Asked) => decide(facts as Facts, question as Question, now as number)

const strange = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
})
const names = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf', 'length']
const junk = fc.oneof(
  strange,
  fc.constantFrom<unknown>(undefined, null, Number.NaN, true, false, 0, 1, '', [], {}, Symbol('junk'), '9'.repeat(15), [9e15]),
  fc.constantFrom(...names),
)

t.test('D8: junk instead of facts, question or time never throws and never permits', async () => {
  always(fc.tuple(anything, junk, fc.nat(6)), ([{ facts, question }, value, which]) => {
    const asked = { facts, question, now }
    const replaced = (at: number) => which === at || which > 2
    const decision = ask({
      facts: replaced(0) ? value : asked.facts,
      question: replaced(1) ? value : asked.question,
      now: which === 2 && typeof value !== 'number' ? value : which > 2 ? value : Number.NaN,
    })
    assert.ok(!decision.permit && denyReasons.includes(decision.reason))
  })
})

t.test('D8: junk in any places at once never throws', async () => {
  always(fc.tuple(anything, fc.array(fc.tuple(fc.nat(), junk), { minLength: 1, maxLength: 4 })), ([{ facts, question }, spots]) => {
    let asked: Asked = { facts, question, now }
    for (const [spot, value] of spots) {
      const paths = pathsOf(asked)
      asked = put(asked, paths[spot % paths.length] as string[], value) as Asked
    }
    const decision = ask(asked)
    assert.equal(typeof decision.permit, 'boolean')
  })
})

t.test('D8: a time that is none never permits', async () => {
  const times = [Number.NaN, undefined, null, '', '9'.repeat(15), [9e15], {}]
  const permits = anything.filter(({ facts, question }) => decide(facts, question, now).permit)
  always(fc.tuple(permits, fc.constantFrom(...times)), ([{ facts, question }, at]) => assert.ok(!ask({ facts, question, now: at }).permit))
})

t.test('D8: a row of which a part that matters is junk justifies nothing', async () => {
  const permits = anything.map(alone).filter((found) => found !== undefined)
  always(
    fc.tuple(permits, fc.nat(), junk),
    ([{ facts, question, via }, index, value]) => {
      const parts = mattering({ facts, question, via })
      const [path, isSound] = parts[index % parts.length] as Part
      if (isSound(value)) return
      const asked = put({ facts, question, now }, path.split('.'), value) as Asked
      assert.ok(!ask(asked).permit, path)
    },
    4,
  )
})

t.test('D8: ids that are names every object has are ids like others', async () => {
  const all = [caller, ids.account(0), ids.account(1), ids.domain(0), ids.grant(0), ids.contact(0), ids.ticket(0)]
  const called = <T>(value: T): T => {
    const text = all.reduce((so, id, at) => so.replaceAll(`"${id}"`, `"${names[at]}"`), JSON.stringify(value))
    return JSON.parse(text)
  }
  always(anything, ({ facts, question }) => {
    const first = decide(facts, question, now)
    const second = decide(called(facts), called(question), now)
    assert.equal(second.permit, first.permit)
    if (!first.permit && !second.permit) assert.equal(second.reason, first.reason)
  })
})

// ---- what matters to a permit

type Permit = { facts: Facts; question: Question; via: Via }

/** The permit with the row alone that justifies it, so that no other stands in for it. */
function alone({ facts, question }: Instance): Permit | undefined {
  const decision = decide(facts, question, now)
  if (!decision.permit) return undefined
  const { via } = decision
  const contacts = via.capacity === 'contact' ? [via.contact] : []
  const grants = via.capacity === 'grant' ? [via.grant] : []
  return { facts: { ...facts, contacts, grants, accounts: facts.accounts.filter(({ id }) => id === question.account) }, question, via }
}

/** A path, and whether a value there is none of junk. */
type Part = [path: string, isSound: (value: unknown) => boolean]

const never = () => false
const isNull = (value: unknown) => value === null
const isBoolean = (value: unknown) => typeof value === 'boolean'
const isNumber = (value: unknown) => typeof value === 'number' && !Number.isNaN(value)
const isText = (value: unknown) => typeof value === 'string'
/** An empty list is one, of whatever kind. */
const isList = (value: unknown) => Array.isArray(value) || ArrayBuffer.isView(value)
const isListOrNull = (value: unknown) => value === null || Array.isArray(value)
const isNumberOrNull = (value: unknown) => value === null || isNumber(value)

function mattering(permit: Permit): Part[] {
  const { facts, question, via } = permit
  const always: Part[] = [
    ['facts.session', never],
    ['facts.session.expiresAt', isNumber],
    ['facts.session.endedAt', isNull],
    ['question.action', never],
    ['now', isNumber],
    facts.client === null ? ['facts.client', isNull] : ['facts.client.status', never],
    facts.client === null ? ['facts.client', isNull] : ['facts.client.scopes', never],
    facts.ceiling === null ? ['facts.ceiling', isNull] : ['facts.ceiling.actions', never],
  ]
  if (via.capacity === 'self') return always
  if (facts.ceiling !== null) always.push(['facts.ceiling.account', never], ['facts.ceiling.domains', isList])
  if (via.capacity === 'staff') return [...always, ['facts.staff', never], ['facts.staff.role', never], ['facts.session.kind', never]]
  if (via.capacity === 'client') {
    return [...always, ['facts.user', isNull], ...(question.account === null ? [] : [['facts.client.realm', never] satisfies Part])]
  }
  return [...always, ...ofPersons(permit), ...(via.capacity === 'contact' ? ofContact(permit) : ofGrant(permit))]
}

function ofPersons({ facts, question }: Permit): Part[] {
  const parts: Part[] = [
    ['facts.user', never],
    ['facts.user.status', never],
    ['facts.user.verified', isBoolean],
    ['facts.user.id', never],
    ['facts.staff', isNull],
    ['facts.accounts', never],
    ['facts.accounts.0.id', never],
    ['facts.accounts.0.state', never],
    ['question.account', never],
    ['question.domains', isList],
  ]
  if (facts.accounts[0]?.state === 'closed') parts.push(['facts.accounts.0.accessUntil', isNumber])
  if (question.action.startsWith('ticket.')) parts.push(['question.topic', isText])
  if (question.action === 'contact.manage') parts.push(['question.targets', isList])
  parts.push(question.ticket === null ? ['question.ticket', isNull] : ['question.ticket.accountId', never])
  if (question.domains.length > 0) parts.push(['question.domains.0', never], ['question.domains.0.accountId', never])
  if (question.domains.length > 0 && question.ticket === null) parts.push(['question.domains.0.releasedAt', isNull])
  return parts
}

function ofContact({ question, via }: Permit): Part[] {
  const limited = via.capacity === 'contact' && via.contact.limited
  const parts: Part[] = [
    ['facts.contacts', never],
    ['facts.contacts.0', never],
    ['facts.contacts.0.accountId', never],
    ['facts.contacts.0.userId', never],
    ['facts.contacts.0.role', never],
    limited ? ['facts.contacts.0.domains', never] : ['facts.contacts.0.limited', isBoolean],
  ]
  if (['grant.manage', 'contact.manage', 'submission.decide'].includes(question.action))
    parts.push(['facts.contacts.0.confirmed', isBoolean])
  return parts
}

function ofGrant({ question, via }: Permit): Part[] {
  if (via.capacity !== 'grant') return []
  const parts: [string, (value: unknown) => boolean][] = [
    ['accountId', never],
    ['granteeUserId', never],
    ['status', never],
    ['actions', never],
    ['domains', never],
    ['notBefore', isNumber],
    ['expiresAt', isNumber],
    ['grantor', never],
    ['grantor.accountId', never],
    ['grantor.userStatus', never],
    ['grantor.userVerified', isBoolean],
    ['grantor.role', never],
    ['grantor.confirmed', isBoolean],
    via.grant.grantor?.limited ? ['grantor.domains', never] : ['grantor.limited', isBoolean],
  ]
  if (question.topic !== null) parts.push(['topics', isListOrNull])
  if (question.action === 'ticket.create') parts.push(via.grant.maxUses === null ? ['maxUses', isNumberOrNull] : ['uses', isNumber])
  const own = parts.map(([path, isSound]): Part => [`facts.grants.0.${path}`, isSound])
  return [...own, ['facts.grants', never], ['question.contactsOnly', isBoolean]]
}

// ---- places

/** Every place in a value, as keys from the top. */
function pathsOf(value: unknown, at: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null || at.length > 5) return [at]
  return [...(at.length > 0 ? [at] : []), ...Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...at, key]))]
}

/** A copy with another value in one place; where there is no such place it stays as it is. */
function put(value: unknown, [key, ...rest]: string[], instead: unknown): unknown {
  if (key === undefined) return instead
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...value }
  Object.defineProperty(copy, key, {
    value: put((value as Record<string, unknown>)[key], rest, instead),
    enumerable: true,
    configurable: true,
    writable: true,
  })
  return copy
}
