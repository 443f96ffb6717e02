import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { approveGrant } from './approve.ts'
import { cancelGrant, declineGrant, revokeGrant } from './end.ts'
import { extendGrant } from './extend.ts'
import { ExtendGrant } from './extend-schema.ts'
import { narrowGrant } from './narrow.ts'
import { EndGrant, Grant, NarrowGrant } from './schema.ts'

const tags = ['grants']
const params = Type.Object({
  account: Type.String({ description: 'The account, by id or number' }),
  grant: Type.String({ description: 'The grant, by id' }),
})
const path = '/v1/accounts/:account/grants/:grant'
const always = ['not_authorised', 'not_found', 'invalid_transition', 'idempotency_key_reused', 'idempotency_in_progress'] as const
const onVersion = ['precondition_failed', 'precondition_required'] as const
const takesAway = { action: 'grant.manage', on: 'grant' } as const

/** What the account's side does with a grant that is there. */
export async function grantActRoutes(app: App, { context }: Feature): Promise<void> {
  app.post(
    `${path}/approve`,
    {
      config: { access: { action: 'grant.manage', on: 'grant', stepUp: true, ifMatch: true } },
      schema: {
        tags,
        summary: 'Approve what a developer asks for, as it was shown or less of it; who approves stands for it',
        params,
        body: NarrowGrant,
        response: { 200: Type.Ref(Grant), ...problems(...always, ...onVersion, 'step_up_required', 'conflict') },
      },
    },
    (request, reply) => answering(context, request, reply, () => approveGrant(context, standingOf(request), request.body)),
  )

  app.post(
    `${path}/decline`,
    {
      config: { access: takesAway },
      schema: {
        tags,
        summary: 'Decline what a developer asks for; repeating it is harmless, and he is not told',
        params,
        response: { 200: Type.Ref(Grant), ...problems(...always) },
      },
    },
    (request, reply) => answering(context, request, reply, () => declineGrant(context, standingOf(request))),
  )

  app.post(
    `${path}/cancel`,
    {
      config: { access: takesAway },
      schema: {
        tags,
        summary: 'Withdraw what was offered; repeating it is harmless',
        params,
        response: { 200: Type.Ref(Grant), ...problems(...always) },
      },
    },
    (request, reply) => answering(context, request, reply, () => cancelGrant(context, standingOf(request))),
  )

  app.post(
    `${path}/narrow`,
    {
      config: { access: { action: 'grant.manage', on: 'grant', ifMatch: true } },
      schema: {
        tags,
        summary: 'Leave less of a grant, or an earlier end, at once',
        params,
        body: NarrowGrant,
        response: { 200: Type.Ref(Grant), ...problems(...always, ...onVersion) },
      },
    },
    (request, reply) => answering(context, request, reply, () => narrowGrant(context, standingOf(request), request.body)),
  )

  app.post(
    `${path}/extend`,
    {
      config: { access: { action: 'grant.manage', on: 'grant', stepUp: true, ifMatch: true } },
      schema: {
        tags,
        summary: 'Offer the same developer more, or a later end; it takes the place of this grant when he accepts',
        params,
        body: ExtendGrant,
        response: { 201: Type.Ref(Grant), ...problems(...always, ...onVersion, 'step_up_required', 'conflict') },
      },
    },
    (request, reply) => answering(context, request, reply, () => extendGrant(context, standingOf(request), request.body)),
  )

  app.post(
    `${path}/revoke`,
    {
      config: { access: { action: 'grant.manage', staffAction: 'staff.grant.end', on: 'grant' } },
      schema: {
        tags,
        summary: 'End a grant at once, or withdraw one that is only asked for or offered; repeating it is harmless',
        params,
        body: EndGrant,
        response: { 200: Type.Ref(Grant), ...problems(...always) },
      },
    },
    (request, reply) => answering(context, request, reply, () => revokeGrant(context, standingOf(request), request.body)),
  )
}
