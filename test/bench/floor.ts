/**
 * The floor: a bare server that does the same work without asking who may, with the least SQL. It has no authentication, validation,
 * authority, audit trail of decisions or repetitions; it trusts every word of the request. Started by the bench as a process of its own.
 */
import { PGlite } from '@electric-sql/pglite'
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import Fastify from 'fastify'
import pg from 'pg'
import { v7 as uuid } from 'uuid'

type Wire = { query(name: string, text: string, values: unknown[]): Promise<Record<string, unknown>[]> }
type Store = Wire & { transaction<T>(work: (wire: Wire) => Promise<T>): Promise<T> }
type Create = { user: string; account: string; domain: string; topic: string; subject: string; message: string }

const principal = `select u.id, u.status, g.id as grant from users u join grants g on g.grantee_user_id = u.id and g.account_id = $2 and g.status = 'active' where u.id = $1`
const ticket = `insert into floor.tickets (id, account_id, domain_id, number, topic, subject, status, requester_id, details, created_at)
  values ($1, $2, $3, nextval('ticket_number'), $4, $5, 'new', $6, '{}', now()) returning number, created_at`
const message = 'insert into floor.messages (id, ticket_id, author_id, body, created_at) values ($1, $2, $3, $4, now())'
const event = `insert into floor.events (id, account_id, kind, actor_id, ticket_id, at) values ($1, $2, 'ticket.created', $3, $4, now())`
const single = `with p as (select u.id from users u join grants g on g.grantee_user_id = u.id and g.account_id = $2::uuid and g.status = 'active' where u.id = $6::uuid limit 1),
  t as (insert into floor.tickets (id, account_id, domain_id, number, topic, subject, status, requester_id, details, created_at)
    select $1::uuid, $2::uuid, $3::uuid, nextval('ticket_number'), $4, $5, 'new', p.id, '{}', now() from p returning id, number, created_at),
  m as (insert into floor.messages (id, ticket_id, author_id, body, created_at) select $7::uuid, $1::uuid, $6::uuid, $8, now() from t),
  e as (insert into floor.events (id, account_id, kind, actor_id, ticket_id, at) select $9::uuid, $2::uuid, 'ticket.created', $6::uuid, $1::uuid, now() from t)
  select number, created_at from t`
const columns = 'id, account_id, domain_id, number, topic, subject, status, requester_id, details, created_at'
const one = `select ${columns} from floor.tickets where id = $1`
const newest = `select ${columns} from floor.tickets where account_id = $1 order by created_at desc, id desc limit 25`

const { DATABASE_URL, DATA_DIR, DATABASE_POOL_SIZE, PORT, UNNAMED } = process.env
const store = DATABASE_URL === undefined ? await openFolder(`${DATA_DIR}/database`) : openPool(DATABASE_URL)
const app = Fastify({ logger: false })

app.get('/readyz', async () => ({ ready: true }))

app.post<{ Body: Create }>('/tickets', async ({ body }, reply) => {
  const id = uuid()
  const row = await store.transaction(async (wire) => {
    await wire.query('principal', principal, [body.user, body.account])
    const [made] = await wire.query('ticket', ticket, [id, body.account, body.domain, body.topic, body.subject, body.user])
    await wire.query('message', message, [uuid(), id, body.user, body.message])
    await wire.query('event', event, [uuid(), body.account, body.user, id])
    return made
  })
  return reply.code(201).send({ id, ...row })
})

app.post<{ Body: Create }>('/tickets/single', async ({ body }, reply) => {
  const { user, account, domain, topic, subject, message } = body
  const id = uuid()
  const [row] = await store.query('single', single, [id, account, domain, topic, subject, user, uuid(), message, uuid()])
  return reply.code(201).send({ id, ...row })
})

app.get<{ Params: { id: string } }>('/tickets/:id', async ({ params }, reply) => {
  const [row] = await store.query('one', one, [params.id])
  return row ?? reply.code(404).send({})
})

app.get<{ Querystring: { account: string } }>('/tickets', async ({ query }) => ({
  items: await store.query('newest', newest, [query.account]),
}))

await app.listen({ host: '127.0.0.1', port: Number(PORT) })
process.once('SIGTERM', () => process.exit(0))

function openPool(url: string): Store {
  const pool = new pg.Pool({ connectionString: url, max: Number(DATABASE_POOL_SIZE ?? 10) })
  const wireOf = (client: pg.Pool | pg.PoolClient): Wire => ({
    query: async (name, text, values) => (await client.query(UNNAMED === undefined ? { name, text, values } : { text, values })).rows,
  })
  return {
    ...wireOf(pool),
    async transaction(work) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const done = await work(wireOf(client))
        await client.query('commit')
        return done
      } finally {
        client.release()
      }
    },
  }
}

async function openFolder(folder: string): Promise<Store> {
  const client = await PGlite.create(folder, { extensions: { btree_gist, pg_trgm } })
  const rowsOf = async (answer: Promise<{ rows: unknown[] }>) => (await answer).rows as Record<string, unknown>[]
  return {
    query: (_name, text, values) => rowsOf(client.query(text, values)),
    transaction: (work) => client.transaction((tx) => work({ query: (_name, text, values) => rowsOf(tx.query(text, values)) })),
  }
}
