/** What somebody who sends a request is asked: as a contact, as a delegate, or as staff. */
import type { Action, DelegableAction, StaffAction } from '../vocabulary.ts'
import { roleHolds } from './actions.ts'
import { contactsOf, grantsOf } from './conditions.ts'
import { decide } from './decide.ts'
import type { Question } from './facts.ts'
import type { Loaded } from './load.ts'

export type Asks = {
  action: Action
  /** What `decide` is asked instead when the caller is staff. Without it staff may not use the route. */
  staffAction?: StaffAction | undefined
  /** What it is asked instead when the caller has a grant, and is no contact of the account who holds the action there. */
  delegateAction?: DelegableAction | undefined
  /** The question, from the facts; null, whatever the action, when what the path names is not there. */
  about: (loaded: Loaded, action: Action) => Question | null
}

/**
 * What he is asked. A contact whose limit or client does not reach so far may be a delegate there, by a grant of his own: if that permits,
 * it is what he acts by; otherwise he is refused as the contact he is.
 */
export function asked(ask: Asks, loaded: Loaded): { action: Action; question: Question | null } {
  const { facts } = loaded
  const [action, delegateAction] = actionsFor(ask, loaded)
  const own = { action, question: ask.about(loaded, action) }
  if (own.question === null || delegateAction === undefined || decide(facts, own.question, facts.now).permit) return own
  const question = ask.about(loaded, delegateAction) as Question
  const decision = decide(facts, question, facts.now)
  return decision.permit && decision.via.capacity === 'grant' ? { action: delegateAction, question } : own
}

/** What he is asked first, and what as a delegate where he is one beside being a contact. */
export function actionsFor(ask: Pick<Asks, 'action' | 'staffAction' | 'delegateAction'>, loaded: Loaded): [Action, ...Action[]] {
  const { facts, account } = loaded
  const action = actionFor(ask, loaded)
  const { delegateAction = action } = ask
  return action === delegateAction || account === null || grantsOf(facts, account.id).length === 0 ? [action] : [action, delegateAction]
}

/** Staff are asked for the route's staff action; a route that declares none gets the customer's, which staff never hold. */
export function actionFor(ask: Pick<Asks, 'action' | 'staffAction' | 'delegateAction'>, loaded: Loaded): Action {
  if (ask.delegateAction !== undefined && isDelegate(loaded, ask.action)) return ask.delegateAction
  return loaded.facts.staff === null ? ask.action : (ask.staffAction ?? ask.action)
}

/** Somebody with a grant whose contact, if he is one, does not hold the action. */
function isDelegate({ facts, account }: Loaded, action: Action): boolean {
  if (account === null || contactsOf(facts, account.id).some((contact) => roleHolds(contact, action))) return false
  return grantsOf(facts, account.id).length > 0
}
