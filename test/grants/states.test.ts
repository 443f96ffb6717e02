/** T3 of docs/authority.md: what is no end of a grant, and what its developer does, in every state; what ends.test.ts does not try. */
import t from 'tap'
import { type GrantStatus, grantStatuses, terminalGrantStatuses } from '../../src/vocabulary.ts'
import { send } from '../fixtures/app.ts'
import { grant } from '../fixtures/cast.ts'
import { refusedOf } from '../fixtures/ledger.ts'
import { setStage } from './stage.ts'

type Row = {
  by: 'account' | 'grantee'
  verb: string
  /** By hand: the states in which it may be done. */
  from: readonly GrantStatus[]
  /** What a refusal says it was to become. */
  to: GrantStatus
  /** The event of one that is done; null where it finds everything as it is to be. */
  event: string | null
  /** Acts that only take away are the same when they are repeated. */
  again?: GrantStatus
}

const table: readonly Row[] = [
  { by: 'account', verb: 'extend', from: ['active', 'suspended'], to: 'superseded', event: null },
  { by: 'account', verb: 'adopt', from: ['active', 'suspended'], to: 'active', event: 'grant.adopted' },
  { by: 'account', verb: 'confirm', from: ['active', 'suspended'], to: 'active', event: 'grant.reviewed' },
  { by: 'account', verb: 'suspend', from: ['active'], to: 'suspended', event: 'grant.suspended', again: 'suspended' },
  { by: 'account', verb: 'resume', from: ['suspended'], to: 'active', event: 'grant.resumed' },
  { by: 'grantee', verb: 'accept', from: ['invited'], to: 'active', event: 'grant.accepted' },
  { by: 'grantee', verb: 'decline', from: ['invited'], to: 'declined', event: 'grant.declined', again: 'declined' },
  { by: 'grantee', verb: 'resign', from: ['active', 'suspended'], to: 'resigned', event: 'grant.resigned', again: 'resigned' },
]

/** By hand, too: where each side can bring it from where it is. What has ended stays. */
const allowed: Record<Row['by'], Partial<Record<GrantStatus, GrantStatus[]>>> = {
  account: {
    requested: ['active', 'declined'],
    invited: ['cancelled'],
    active: ['suspended', 'revoked', 'superseded'],
    suspended: ['active', 'revoked', 'superseded'],
  },
  grantee: { invited: ['active', 'declined'], active: ['resigned'], suspended: ['resigned'] },
}

/** Some routes take no content. */
const bodyOf = (verb: string): object => (verb === 'adopt' || verb === 'confirm' ? {} : { body: {} })

/** That somebody looked changes nothing; otherwise the developer hears, and Olga, who stands for it, but not who did it. */
function whoHears(by: Row['by'], event: string): string[] {
  if (event === 'grant.reviewed') return []
  const kind = event.replace('.', '_')
  return by === 'account' ? [`${kind} Dora`, `${kind} Olga`] : [`${kind} Olga`]
}

t.setTimeout(240_000)

t.test('T3: what is done with a grant in each state', async (t) => {
  const stage = await setStage(t)
  const { test, a, one, manager, developer, act, row, events, told } = stage

  function inStatus(status: GrantStatus): Promise<string> {
    const at = new Date(test.clock.now())
    const ended = (terminalGrantStatuses as readonly string[]).includes(status) ? at : null
    const approved = ['requested', 'invited', 'declined', 'cancelled', 'lapsed'].includes(status) ? null : at
    const causes = status === 'suspended' ? ['account'] : []
    return grant(test, a, stage.ownerContact, developer, [one], { status, endedAt: ended, suspensionCauses: causes, approvedAt: approved })
  }

  for (const { by, verb, from, to, event, again } of table) {
    await t.test(`${verb}, by the ${by}`, async (t) => {
      for (const status of grantStatuses) {
        // What he only asks for he does not find here: it would tell him that his code was right.
        if (by === 'grantee' && status === 'requested') continue
        const id = await inStatus(status)
        const sending = () =>
          by === 'account'
            ? act(manager, id, verb, { ifMatch: 1, ...bodyOf(verb) })
            : send(test, 'POST', `/v1/me/grants/${id}/${verb}`, { token: developer.token, ifMatch: 1 })
        if (from.includes(status) || status === again) {
          const done = await sending()
          t.ok(done.status < 300, `${verb} of ${status}: ${done.text}`)
          const changed = event !== null && status !== again
          t.strictSame(await events(id), changed ? [event] : [])
          t.strictSame(await told(id), changed ? whoHears(by, event) : [], 'U4: the other side, and who stands for it, in the same commit')
          continue
        }
        const refused = await refusedOf(t, test, sending)
        t.match(refused, { status: 409, body: { code: 'invalid_transition', from: status, to } }, `${verb} of ${status}`)
        t.strictSame(refused.body.allowed, allowed[by][status] ?? [], 'and it says what is possible')
        t.match(await row(id), { status, version: 1 })
        t.strictSame(await events(id), ['grant.refused'], 'and the attempt is recorded')
      }
    })
  }
})
