/** The decision against the specification, in worlds of every kind. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decide } from '../../src/authority/decide.ts'
import type { Via } from '../../src/authority/facts.ts'
import { hasTie } from '../../src/authority/reason.ts'
import { capacities, denyReasons } from '../../src/vocabulary.ts'
import { always, alwaysWhere, anything, day, type Instance, interviews, now, parameters } from './arbitraries.ts'
import { isBetter, permits, tied, trueReasons } from './specification.ts'

const answer = ({ facts, question }: Instance) => decide(facts, question, now)
const justifying = ({ facts, question }: Instance): Via[] => permits(facts, question, now)

t.test('D1: default deny – without a row of his own nobody may do anything but what is about himself', async () => {
  const bare = anything.map((instance) => ({
    ...instance,
    facts: { ...instance.facts, contacts: [], grants: [], staff: null, client: null },
  }))
  always(bare, (instance) => {
    const decision = answer(instance)
    assert.ok(!decision.permit || decision.via.capacity === 'self')
  })
  always(bare, (instance) => assert.ok(!answer({ ...instance, facts: { ...instance.facts, user: null } }).permit))
})

t.test('D2: when the rule holds, permit', async () => {
  alwaysWhere(
    anything,
    (instance) => justifying(instance).length > 0,
    (instance) => assert.ok(answer(instance).permit),
  )
})

t.test('D3: the row of a permit really justifies it; the reason of a deny is true and the first that is', async () => {
  always(
    anything,
    (instance) => {
      const decision = answer(instance)
      const { facts, question } = instance
      if (decision.permit)
        assert.ok(justifying(instance).some((via) => via.id === decision.via.id && via.capacity === decision.via.capacity))
      else assert.equal(decision.reason, trueReasons(facts, question, now)[0])
    },
    10,
  )
})

t.test('via: contact, grant without maxUses, grant with; then the latest expiry, then the id', async () => {
  const several = (instance: Instance) => justifying(instance).length > 1
  alwaysWhere(anything, several, (instance) => {
    const decision = answer(instance)
    assert.ok(decision.permit)
    assert.deepEqual(
      justifying(instance).filter((via) => isBetter(via, decision.via)),
      [],
    )
  })
})

t.test('a decision reads its facts and changes nothing; asked again it is the same, whatever was asked between', async () => {
  always(interviews, ({ facts, questions }) => {
    const first = structuredClone(questions).map((question) => decide(structuredClone(facts), question, now))
    frozen([facts, questions])
    const again = questions.toReversed().map((question) => decide(facts, question, now))
    assert.deepEqual(again.toReversed(), first)
  })
})

t.test('a tie: an active contact, a grant that is or was active until 90 days after its end, staff, the client of the realm', async () => {
  always(anything, ({ facts }) => {
    for (const { id } of facts.accounts) {
      for (const at of [now, now + 10 * day, now + 100 * day]) assert.equal(hasTie(facts, id, at), tied(facts, id, at))
    }
  })
})

t.test('these worlds are dense: every capacity justifies and every reason is given', async (t) => {
  const counts = new Map<string, number>([...capacities, ...denyReasons].map((word) => [word, 0]))
  const size = 15_000
  for (const { facts, question } of fc.sample(anything, parameters(size))) {
    const found = permits(facts, question, now)
    const words = found.length > 0 ? new Set(found.map(({ capacity }) => capacity)) : trueReasons(facts, question, now).slice(0, 1)
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  t.comment(JSON.stringify(Object.fromEntries(counts)))
  for (const [word, count] of counts) t.ok(count >= 5, `${word}: ${count} of ${size}`)
  t.equal(counts.size, capacities.length + denyReasons.length, 'every deny has a reason that is in the list')
})

function frozen(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const member of Object.values(value)) frozen(member)
}
