/** The provider's day, over real HTTP. */
import { accept, firstAdmin, signUp } from './cast.ts'
import type { Answer, Person, Story } from './client.ts'
import type { DemoServer } from './server.ts'

const dayMs = 86_400_000

export type Ended = { people: Record<string, Person>; ids: Record<string, string> }

export async function play(story: Story, server: DemoServer): Promise<Ended> {
  story.heading('The provider sets up its customers')
  const admin = await firstAdmin(story, server)
  const alpha = await provision(story, admin, 'Alpha Ltd', 'olga@alpha.example', ['alpha.example', 'bücher.example'])
  const beta = await provision(story, admin, 'Beta Ltd', 'ben@beta.example', ['beta.example'])
  await story.ask(
    admin,
    'invites a support agent',
    'POST',
    '/v1/staff',
    { status: 202 },
    { body: { address: 'sue@provider.example', role: 'support' } },
  )
  const olga = await accept(story, server, 'Olga (owner of Alpha)', 'olga@alpha.example')
  const ben = await accept(story, server, 'Ben (owner of Beta)', 'ben@beta.example')
  const sue = await accept(story, server, 'Sue (support)', 'sue@provider.example')
  const contacts = `/v1/accounts/${alpha.number}/contacts`
  await story.ask(
    olga,
    'invites a technical contact',
    'POST',
    contacts,
    { status: 201 },
    { body: { address: 'tom@alpha.example', role: 'technical' } },
  )
  const tom = await accept(story, server, 'Tom (technical)', 'tom@alpha.example')

  story.heading('The owner asks for help, with what support needs to know')
  const mail = await openMailTicket(story, olga, alpha)
  await story.ask(tom, 'reads it', 'GET', `/v1/tickets/${mail.id}`, { status: 200 })
  await story.ask(ben, "tries to read another account's ticket", 'GET', `/v1/tickets/${mail.id}`, { status: 404 })

  story.heading('A web developer has no authority until the owner gives it, for what the owner gives it')
  const dan = await signUp(story, server, 'Dan (web developer)', 'dan@agency.example')
  const onAlpha = {
    account: alpha.number,
    domain: 'alpha.example',
    topic: 'website',
    subject: 'Contact form fails',
    message: 'It answers 500 since the last deploy.',
    details: websiteDetails('alpha.example'),
  }
  const tellsNext = (answer: Answer) => Array.isArray(answer.body.next) && answer.body.reason === undefined
  await story.ask(
    dan,
    'opens a ticket without a grant: refused, with what to do next',
    'POST',
    '/v1/tickets',
    { status: 403, that: tellsNext },
    { body: onAlpha },
  )
  const grant = await give(story, server, olga, dan, alpha)
  const own = await story.ask(
    dan,
    'opens a ticket for alpha.example on behalf of Alpha',
    'POST',
    '/v1/tickets',
    { status: 201, that: isOnBehalf },
    { body: onAlpha },
  )
  const onOther = { ...onAlpha, domain: 'bücher.example', details: websiteDetails('bücher.example') }
  await story.ask(
    dan,
    'opens one for bücher.example, which he was not granted',
    'POST',
    '/v1/tickets',
    { status: 403, reason: 'domain_not_in_grant' },
    { body: onOther },
  )
  await story.ask(dan, "reads the owner's ticket, which is not in his reach", 'GET', `/v1/tickets/${mail.id}`, { status: 404 })

  const sam = await strangers(story, server, alpha)
  await supportWorks(story, sue, dan, olga, own.body.id)
  await revocation(story, olga, dan, alpha, grant, own.body.id)
  await audit(story, olga, alpha)
  const ids = {
    alpha: alpha.id,
    alphaNumber: alpha.number,
    beta: beta.id,
    betaNumber: beta.number,
    mailTicket: mail.id,
    developerTicket: own.body.id,
    grant,
  }
  return { people: { admin, sue, olga, tom, ben, dan, sam }, ids }
}

type Account = { id: string; number: string }

async function provision(story: Story, admin: Person, name: string, owner: string, domains: string[]): Promise<Account> {
  const body = { name, owner: { address: owner }, domains }
  const made = await story.ask(admin, `provisions ${name} with ${domains.join(' and ')}`, 'POST', '/v1/accounts', { status: 201 }, { body })
  return made.body
}

async function openMailTicket(story: Story, olga: Person, { number: account }: Account): Promise<{ id: string }> {
  const wanting = {
    account,
    domain: 'alpha.example',
    topic: 'email-delivery',
    subject: 'Mail to info@ is not received',
    message: 'Customers say their mail bounces.',
  }
  const teaches = (answer: Answer) => answer.body.missing.length > 0 && answer.body.missing[0].why !== undefined
  await story.ask(
    olga,
    'opens a ticket without saying when and for whom: told what is missing',
    'POST',
    '/v1/tickets',
    { status: 422, that: teaches },
    { body: wanting },
  )
  const details = {
    occurredAt: { at: '2026-11-20T14:05:00+10:00[Australia/Brisbane]', precision: 'exact' },
    mailFrom: 'customer@elsewhere.example',
    mailTo: 'info@alpha.example',
    bounce: '550 5.1.1 <info@alpha.example>: Recipient address rejected: User unknown',
  }
  const made = await story.ask(
    olga,
    'opens it with exact time and zone, addresses and the bounce',
    'POST',
    '/v1/tickets',
    { status: 201 },
    { body: { ...wanting, details } },
  )
  return made.body
}

const websiteDetails = (host: string) => ({
  occurredAt: { at: '2026-11-20T09:30:00+01:00', precision: 'about' },
  url: `https://${host}/contact`,
})

const isOnBehalf = ({ body }: Answer): boolean => body.openedBy.capacity === 'grant' && body.openedBy.onBehalfOf.name === 'Alpha Ltd'

async function give(story: Story, server: DemoServer, olga: Person, dan: Person, { number }: Account): Promise<string> {
  const body = {
    grantee: { address: dan.address },
    domains: ['alpha.example'],
    actions: ['ticket.create', 'ticket.read', 'ticket.reply'],
    purpose: 'Website relaunch',
    expiresAt: new Date(Date.now() + 30 * dayMs).toISOString(),
  }
  const made = await story.ask(
    olga,
    'grants Dan create, read and reply on alpha.example for 30 days',
    'POST',
    `/v1/accounts/${number}/grants`,
    { status: 201 },
    { body },
  )
  const token = await server.secretMailedTo(dan.address)
  const shown = (answer: Answer) => answer.body.grant.domains.length === 1
  await story.ask(dan, 'looks at what he is offered', 'POST', '/v1/invitations/show', { status: 200, that: shown }, { body: { token } })
  await story.ask(dan, 'accepts it', 'POST', '/v1/invitations/accept', { status: 200 }, { body: { token } })
  return made.body.id
}

async function strangers(story: Story, server: DemoServer, alpha: Account): Promise<Person> {
  story.heading('A stranger learns nothing, not even whether an account exists')
  const sam = await signUp(story, server, 'Sam (stranger)', 'sam@nowhere.example')
  const body = { account: alpha.number, domain: 'alpha.example', topic: 'other', subject: 'Hello', message: 'Please reset the password.' }
  const real = await story.ask(sam, 'opens a ticket for an account that exists', 'POST', '/v1/tickets', { status: 403 }, { body })
  const invented = await story.ask(
    sam,
    'opens a ticket for an account that does not',
    'POST',
    '/v1/tickets',
    { status: 403 },
    { body: { ...body, account: 'C-99999', domain: 'no.example' } },
  )
  const bytes = ({ text }: Answer) => text.replace(/"instance":"[^"]*"/, '')
  const same = bytes(real) === bytes(invented)
  story.tell({ who: sam.name, asks: 'compares the two answers', answer: same ? 'the same bytes' : 'they differ', as: same })
  return sam
}

async function supportWorks(story: Story, sue: Person, dan: Person, olga: Person, ticket: string): Promise<void> {
  story.heading('Support answers')
  const path = `/v1/tickets/${ticket}/messages`
  await story.ask(
    sue,
    "replies to Dan's ticket",
    'POST',
    path,
    { status: 201 },
    { body: { body: 'The form needs the new mail relay; please try again.' } },
  )
  await story.ask(
    sue,
    'leaves an internal note',
    'POST',
    path,
    { status: 201 },
    { body: { kind: 'note', body: 'Relay was misconfigured by us.' } },
  )
  const sees = (count: number) => (answer: Answer) => answer.body.items.length === count
  await story.ask(dan, 'reads the messages: his own and the reply, not the note', 'GET', path, { status: 200, that: sees(2) })
  await story.ask(olga, 'reads them, too', 'GET', path, { status: 200, that: sees(2) })
  await story.ask(sue, 'reads them with the note', 'GET', path, { status: 200, that: sees(3) })
}

async function revocation(story: Story, olga: Person, dan: Person, { number }: Account, grant: string, ticket: string): Promise<void> {
  story.heading('The owner takes the permission back, and it is gone at once')
  await story.ask(olga, 'revokes the grant', 'POST', `/v1/accounts/${number}/grants/${grant}/revoke`, { status: 200 }, { body: {} })
  const body = { account: number, domain: 'alpha.example', topic: 'other', subject: 'One more', message: 'Please.' }
  await story.ask(dan, 'opens another ticket', 'POST', '/v1/tickets', { status: 403, reason: 'grant_revoked' }, { body })
  await story.ask(dan, 'reads the ticket he opened', 'GET', `/v1/tickets/${ticket}`, { status: 404 })
  await story.ask(dan, 'lists his tickets: none', 'GET', '/v1/tickets', { status: 200, that: ({ body: page }) => page.items.length === 0 })
  await story.ask(olga, 'reads it: the account keeps everything', 'GET', `/v1/tickets/${ticket}`, { status: 200 })
}

async function audit(story: Story, olga: Person, { number }: Account): Promise<void> {
  story.heading('Who did what, for whom, by which right')
  const trail = await story.ask(olga, "reads the account's audit trail", 'GET', `/v1/accounts/${number}/audit-events?limit=100`, {
    status: 200,
  })
  const line = (columns: string[]) =>
    `    ${columns[0]?.padEnd(22)} ${columns[1]?.padEnd(24)} ${columns[2]?.padEnd(12)} ${columns[3]?.padEnd(9)} ${columns[4]}`
  console.log(line(['what', 'actor', 'on behalf of', 'capacity', 'decision']))
  for (const event of [...trail.body.items].reverse()) {
    const decision = [event.decision, event.reason].filter(Boolean).join(': ')
    console.log(line([event.kind, event.actor?.name ?? '–', event.onBehalfOf?.number ?? number, event.capacity ?? '–', decision]))
  }
}
