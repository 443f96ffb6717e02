/**
 * Narrowing (RFC 8693): from an access token of a person or panel to one for a tool, below a ceiling (RFC 9396), on a session of its own
 * that ends with the one it was cut from – so that taking the tool's token away leaves the person signed in.
 */
import type { ErrorObject } from 'ajv'
import { changeByProof } from '../authority/change.ts'
import { principalIsActive } from '../authority/conditions.ts'
import type { Ceiling } from '../authority/facts.ts'
import { load, personOf } from '../authority/load.ts'
import { ceilingOf, namedByCeiling, type StatedCeiling } from '../http/ceilings.ts'
import { readJson } from '../http/json.ts'
import { ownClient } from '../http/keys.ts'
import { validatorBuilder } from '../http/validation.ts'
import { invalidClient, OAuthError } from './errors.ts'
import { type Form, required } from './form.ts'
import type { Plea } from './plea.ts'
import { type Presented, readToken } from './presented.ts'
import { AuthorityDetail, detailType, type TokenAnswer } from './schema.ts'
import { begin, handOver } from './token.ts'

const accessToken = 'urn:ietf:params:oauth:token-type:access_token'

/** `urn:ietf:params:oauth:grant-type:token-exchange`. @throws OAuthError */
export async function narrowedToken({ feature, form, client, requestId }: Plea): Promise<TokenAnswer> {
  const { context } = feature
  demandKnown(form, context.config.publicUrl)
  const presented = await readToken(feature, required(form, 'subject_token'), requestId)
  if (presented === undefined || presented.personalId !== null || presented.caller.userId === null) throw subjectRefused()
  const { caller } = presented
  if (caller.clientId !== null && client === undefined) throw invalidClient()
  if (caller.clientId !== (client?.id ?? null)) throw subjectRefused()
  const userId = personOf(caller)
  const stated = statedIn(required(form, 'authorization_details'))
  const cut = await changeByProof(context, { users: [userId] }, async (tx) => {
    const loaded = await load(tx, context.clock.offset(), caller, namedByCeiling(stated))
    const { facts } = loaded
    if (!principalIsActive(facts, facts.now) || facts.session === null) throw subjectRefused()
    const ceiling = ceilingOf(stated, loaded)
    if ('fault' in ceiling) throw detailsRefused(`${ceiling.fault}: not within what the subject_token may do, or not there`)
    const until = Math.min(presented.exp * 1000, facts.session.expiresAt, facts.now + context.config.accessTokenSeconds * 1000)
    const { kind, method, level, authenticatedAt, id: parentId } = facts.session
    const who = { userId, clientId: caller.clientId, kind, method, level, now: facts.now, authenticatedAt, expiresAt: until, requestId }
    return { ceiling, until, id: await begin(tx, { ...who, parentId }, 'session.narrowed') }
  })
  return { ...(await handOver(feature, claimsOf(presented, userId, cut))), ...saying(cut.ceiling) }
}

type Cut = { ceiling: Ceiling; until: number; id: string }

/** A tool is not the person: however fresh his sign-in was, its token never counts as a fresh one. */
function claimsOf({ caller, amr }: Presented, sub: string, { ceiling, until, id }: Cut) {
  const acting = caller.clientId === null ? {} : { act: { sub: caller.clientId } }
  const details: [Ceiling & { type: typeof detailType }] = [{ type: detailType, ...ceiling }]
  return { sub, sid: id, client_id: caller.clientId ?? ownClient, auth_time: 0, amr, until, authorization_details: details, ...acting }
}

const saying = (ceiling: Ceiling) => ({
  issued_token_type: accessToken,
  authorization_details: [{ type: detailType, ...ceiling } as unknown as AuthorityDetail],
})

/** What would change the meaning of the token and is not understood here is refused, not ignored. */
function demandKnown(form: Form, issuer: string): void {
  if (required(form, 'subject_token_type') !== accessToken)
    throw new OAuthError('invalid_request', `subject_token_type takes ${accessToken}`)
  if ((form.get('requested_token_type') ?? accessToken) !== accessToken) {
    throw new OAuthError('invalid_request', `requested_token_type takes ${accessToken}`)
  }
  if (form.has('actor_token') || form.has('actor_token_type')) throw new OAuthError('invalid_request', 'actor_token is not taken')
  for (const name of ['audience', 'resource']) {
    if ((form.get(name) ?? issuer) !== issuer) throw new OAuthError('invalid_target', `${name} takes the issuer of this server only`)
  }
}

const isDetails = validatorBuilder()({})({ schema: { type: 'array', minItems: 1, maxItems: 1, items: AuthorityDetail }, httpPart: 'body' })

function statedIn(text: string): StatedCeiling {
  const details = parsed(text)
  if (!isDetails(details)) throw detailsRefused(`It must be a JSON array of one ${detailType}: ${place(isDetails.errors?.[0])}`)
  const [{ type: _type, ...stated }] = details as [AuthorityDetail]
  return stated
}

function parsed(text: string): unknown {
  try {
    return readJson(text)
  } catch {
    return undefined
  }
}

/** Where and what, without what stood there. */
const place = ({ instancePath = '', keyword = '' }: Partial<ErrorObject> = {}): string =>
  `${instancePath.replaceAll(/[^a-z0-9/]/g, '')} ${keyword}`

const detailsRefused = (why: string): OAuthError => new OAuthError('invalid_authorization_details', why)

/** RFC 8693, section 2.2.2, for whatever is wrong with the subject token. */
function subjectRefused(): OAuthError {
  return new OAuthError('invalid_request', 'The subject_token is no access token of a person that lives, or belongs to another client')
}
