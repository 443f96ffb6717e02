import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf } from '../http/paging.ts'
import { notModified } from '../http/preconditions.ts'
import { networkOf } from '../http/rate-limit.ts'
import { addressOf } from '../identity/schema.ts'
import { proveAddress } from './prove.ts'
import { Proof, Proven, SignUp, SignUpAccepted, Suspend, shared, User, UserFilter } from './schema.ts'
import { signUp } from './sign-up.ts'
import { findUsers, readUser } from './store.ts'
import { restoreUser, suspendUser } from './suspend.ts'

const tags = ['users']
const UserPath = Type.Object({ user: Type.String({ description: 'The user, by id' }) })
const directory = { action: 'staff.directory.read', staffAction: 'staff.directory.read' } as const
const manage = { action: 'staff.user.manage', staffAction: 'staff.user.manage', on: 'user', stepUp: true } as const
const actProblems = problems(
  'not_authorised',
  'not_found',
  'step_up_required',
  'conflict',
  'idempotency_key_reused',
  'idempotency_in_progress',
)

export async function userRoutes(app: App, { context }: Feature): Promise<void> {
  for (const schema of shared) app.addSchema(schema)

  app.post(
    '/v1/users',
    {
      config: { access: { open: true } },
      schema: {
        tags,
        summary: 'Sign up: a mail goes to the address, whoever it belongs to',
        body: SignUp,
        response: { 202: Type.Ref(SignUpAccepted), ...problems('quota_exceeded', 'unavailable') },
      },
    },
    async (request, reply) => {
      await signUp(context, request.body, networkOf(request.ip))
      const detail = `Read the mail that goes to this address; its token is good for ${context.config.proofMinutes} minutes`
      return reply.code(202).send({ status: 'accepted', detail })
    },
  )

  app.post(
    '/v1/users/proofs',
    {
      config: { access: { open: true } },
      schema: {
        tags,
        summary: 'Prove the address of a sign-up, with the mailed token and the password chosen then',
        body: Proof,
        response: { 201: Type.Ref(Proven), ...problems('not_authorised', 'unavailable') },
      },
    },
    async (request, reply) => {
      const proven = await proveAddress(context, request.body, request.id)
      return reply.code(201).header('location', '/v1/me').send(proven)
    },
  )

  app.get(
    '/v1/users',
    {
      config: { access: { ...directory, on: 'nothing' } },
      schema: {
        tags,
        summary: 'Find the user who has proven an address',
        querystring: UserFilter,
        response: { 200: pageOf(Type.Ref(User)), ...problems('not_authorised') },
      },
    },
    async (request) => {
      const address = addressOf(request.query.address, { parameter: 'address', in: 'query' })
      return { items: await findUsers(context.db, address), nextCursor: null }
    },
  )

  app.get(
    '/v1/users/:user',
    {
      config: { access: { ...directory, on: 'user' } },
      schema: { tags, summary: 'Read a user', params: UserPath, response: { 200: Type.Ref(User), ...problems('not_found') } },
    },
    async (request, reply) => {
      const user = (await readUser(context.db, standingOf(request).loaded.user?.id as string)) as User
      return notModified(request, reply, user.version) ? reply : user
    },
  )

  app.post(
    '/v1/users/:user/suspend',
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'Suspend a user: from now on everything is denied to him, and what he granted while compromised is not live',
        params: UserPath,
        body: Suspend,
        response: { 200: Type.Ref(User), ...actProblems },
      },
    },
    (request, reply) => answering(context, request, reply, () => suspendUser(context, standingOf(request), request.body)),
  )

  app.post(
    '/v1/users/:user/restore',
    {
      config: { access: manage },
      schema: { tags, summary: 'Lift a suspension', params: UserPath, response: { 200: Type.Ref(User), ...actProblems } },
    },
    (request, reply) => answering(context, request, reply, () => restoreUser(context, standingOf(request))),
  )
}
