/** The explanation of a decision is made of the decision's own lines, and says so. */
import assert from 'node:assert/strict'
import t from 'tap'
import { explain, failures } from '../../src/authority/explain.ts'
import { always, anything, now } from './arbitraries.ts'
import { permits } from './specification.ts'

t.test('a row without a failure justifies, and one that justifies has none', async (t) => {
  const seen = new Set<string | null>()
  const all = [...failures, null].sort()
  const check = () =>
    always(anything, ({ facts, question }) => {
      const { decision, candidates } = explain(facts, question, now)
      for (const { failed } of candidates) seen.add(failed)
      if (decision.permit && ['contact', 'grant'].includes(decision.via.capacity))
        assert.ok(candidates.some(({ id, failed }) => id === decision.via.id && failed === null))
      for (const via of permits(facts, question, now).filter(({ capacity }) => capacity === 'contact' || capacity === 'grant'))
        assert.ok(
          candidates.some(({ id, failed }) => id === via.id && failed === null),
          'the specification lets it justify',
        )
      if (decision.permit || facts.user?.verified !== true || !/^(ticket|domain|account)\./.test(question.action)) return
      const tokenless = ['principal_inactive', 'client_not_allowed', 'token_ceiling'].includes(decision.reason)
      if (!tokenless) assert.ok(candidates.every(({ failed }) => failed !== null))
    })
  // Some are drawn only once in a thousand times.
  for (let round = 0; round < 5 || (round < 50 && seen.size < all.length); round++) check()
  t.strictSame([...seen].sort(), all, 'every failure is met')
})
