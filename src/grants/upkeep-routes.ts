import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { adoptGrant, adoptGrants, adopting } from './adopt.ts'
import { EndGrant, Grant } from './schema.ts'
import { resumeGrant, suspendGrant } from './suspend.ts'
import { AdoptedGrants, AdoptGrants } from './upkeep-schema.ts'

const tags = ['grants']
const account = Type.String({ description: 'The account, by id or number' })
const params = Type.Object({ account, grant: Type.String({ description: 'The grant, by id' }) })
const path = '/v1/accounts/:account/grants'
const keyProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const
const always = ['not_authorised', 'not_found', 'invalid_transition', ...keyProblems] as const
const onVersion = ['precondition_failed', 'precondition_required', 'step_up_required'] as const
const bothSides = { action: 'grant.manage', staffAction: 'staff.grant.end', on: 'grant' } as const

/** Keeping grants: suspended, resumed, taken over by another contact. */
export async function grantUpkeepRoutes(app: App, { context }: Feature): Promise<void> {
  app.addSchema(AdoptedGrants)

  app.post(
    `${path}/:grant/suspend`,
    {
      config: { access: bothSides },
      schema: {
        tags,
        summary: 'Suspend a grant at once; repeating it is harmless',
        params,
        body: EndGrant,
        response: { 200: Type.Ref(Grant), ...problems(...always) },
      },
    },
    (request, reply) => answering(context, request, reply, () => suspendGrant(context, standingOf(request), request.body)),
  )

  app.post(
    `${path}/:grant/resume`,
    {
      config: { access: { ...bothSides, stepUp: true, ifMatch: true } },
      schema: {
        tags,
        summary: 'Lift what your side suspended; it is in force again when no other cause is left',
        params,
        body: EndGrant,
        response: { 200: Type.Ref(Grant), ...problems(...always, ...onVersion, 'conflict') },
      },
    },
    (request, reply) => answering(context, request, reply, () => resumeGrant(context, standingOf(request), request.body)),
  )

  app.post(
    `${path}/:grant/adopt`,
    {
      config: { access: adopting },
      schema: {
        tags,
        summary: 'Stand for a grant from now on, as it is; that its grantor lost it is lifted',
        params,
        response: { 200: Type.Ref(Grant), ...problems(...always, ...onVersion, 'conflict') },
      },
    },
    (request, reply) => answering(context, request, reply, () => adoptGrant(context, standingOf(request))),
  )

  app.post(
    `${path}/adopt`,
    {
      config: { access: { action: 'grant.manage', on: 'account', list: true, stepUp: true } },
      schema: {
        tags,
        summary: 'Adopt many grants, with an answer for each',
        params: Type.Object({ account }),
        body: AdoptGrants,
        response: { 200: Type.Ref(AdoptedGrants), ...problems('not_authorised', 'not_found', 'step_up_required', ...keyProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => adoptGrants(context, standingOf(request), request.body)),
  )
}
