/**
 * How long one decision takes on twenty rows: a developer with twenty grants on the account, of which the last justifies. Run by hand:
 *
 *     node test/measure/decide.ts
 */
import { decide } from '../../src/authority/decide.ts'
import { type Facts, type GrantFact, question } from '../../src/authority/facts.ts'

const [account, user, now] = ['a', 'u', 1_000_000]
const actions = ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close', 'domain.read']
const grantor = {
  id: 'c',
  accountId: account,
  userId: 'o',
  role: 'owner' as const,
  limited: false,
  domains: [],
  confirmed: true,
  userStatus: 'active' as const,
  userVerified: true,
  userRevision: 0,
}
const grants = Array.from(
  { length: 20 },
  (_, index) =>
    ({
      id: `g${index}`,
      accountId: account,
      granteeUserId: user,
      status: 'active',
      actions,
      topics: null,
      domains: [`d${index}`],
      reach: 'own',
      maxUses: null,
      uses: 0,
      finished: false,
      notBefore: 0,
      expiresAt: 2_000_000,
      endedAt: null,
      approvedAt: 0,
      lineage: [],
      grantor: { ...grantor, compromised: false },
    }) as unknown as GrantFact,
)
const facts = {
  now,
  session: { id: 's', kind: 'person', method: 'password', authenticatedAt: 0, expiresAt: 2_000_000, endedAt: null },
  user: { id: user, name: 'Dora', status: 'active', verified: true, revision: 0 },
  staff: null,
  client: null,
  ceiling: null,
  accounts: [{ id: account, number: 'C-1', name: 'A', realm: null, state: 'open', stateChangedAt: 0, revision: 0, version: 1 }],
  contacts: [],
  grants,
} as unknown as Facts
const asked = question('ticket.create', account, {
  domains: [{ id: 'd19', accountId: account, name: 'd19.example', releasedAt: null }],
  topic: 'website',
})

const rounds = 2_000
const times: number[] = []
for (let round = 0; round < 200; round++) {
  const began = process.hrtime.bigint()
  for (let count = 0; count < rounds; count++) if (!decide(facts, asked, now).permit) throw new Error('it was to be permitted')
  times.push(Number(process.hrtime.bigint() - began) / rounds / 1_000)
}
times.sort((a, b) => a - b)
console.log(`decide, twenty grants: p50 ${(times[100] as number).toFixed(2)} µs, p99 ${(times[198] as number).toFixed(2)} µs`)
