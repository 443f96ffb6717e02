/** What is shown of a person's rows is what `decide` says of them: for each action, topic and domain, over any world. */
import assert from 'node:assert/strict'
import t from 'tap'
import { decide } from '../../src/authority/decide.ts'
import { type DomainFact, type Facts, question, questionAboutTicket, type TicketFact } from '../../src/authority/facts.ts'
import { asSignedIn } from '../../src/authority/own-session.ts'
import { portray } from '../../src/authority/portrait.ts'
import { accountActions, topicKeys } from '../../src/vocabulary.ts'
import { always, now, type World, worlds } from './arbitraries.ts'

const wide = /^(account|contact|request_code|webhook)\./
const onTickets = ['ticket.read', 'ticket.reply', 'ticket.close']

/** Whether the rule permits it at all there: on a ticket by anybody, or one of his own grants'. */
function permitted(facts: Facts, accountId: string, action: string, topic: string | null, domain: DomainFact | null): boolean {
  const asked = action as (typeof accountActions)[number]
  const domains = domain === null ? [] : [domain]
  if (!onTickets.includes(action)) return decide(facts, question(asked, accountId, { domains, topic }), now).permit
  return [null, ...facts.grants.map(({ id }) => id)].some((grantId) => {
    const place = { id: 'ticket', accountId, domainId: domain?.id ?? null, grantId }
    const ticket: TicketFact = { ...place, topic: String(topic), contactsOnly: false, createdAt: now - 1, revision: 0 }
    return decide(facts, questionAboutTicket(asked, ticket, domain), now).permit
  })
}

function check({ facts: drawn, domains }: World): void {
  const facts = asSignedIn({ ...drawn, now })
  for (const { id } of facts.accounts) {
    const rows = portray(facts, id, now)
    const held = domains.filter(({ accountId, releasedAt }) => accountId === id && releasedAt === null)
    for (const action of accountActions) {
      for (const domain of wide.test(action) ? [null] : [null, ...held]) {
        for (const topic of action.startsWith('ticket.') ? topicKeys : [null]) {
          const shown = rows.some(
            (row) =>
              (row.domains === 'all' || (domain !== null && row.domains.includes(domain.id))) &&
              row.powers.some(({ topics, actions }) => actions.includes(action) && (topic === null || topics?.includes(topic))),
          )
          assert.equal(shown, permitted(facts, id, action, topic, domain), `${action} ${topic} ${domain?.id}`)
        }
      }
    }
  }
}

t.test('S2: the portrait of a person equals the brute force over decide', async () => {
  always(worlds, check, 0.3)
})
