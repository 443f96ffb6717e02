/** Statements as PostgreSQL runs them: what of a plan reads more than it should. */
import pg from 'pg'

/** Tables that grow with the customers: none is ever read from one end to the other. */
const big = new Set([
  'tickets',
  'messages',
  'journal_events',
  'users',
  'addresses',
  'sessions',
  'accounts',
  'account_numbers',
  'domains',
  'domain_names',
  'contacts',
  'grants',
  'grant_domains',
])

type Node = {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  Plans?: Node[]
}

export type Seen = { text: string; values: unknown[] }
export type Explained = { plans: 'custom' | 'generic'; milliseconds: number; read: number; faults: string[] }

/** A row that is read and thrown away is a fault, when there are more of them than this beside those that are used. */
const wasted = 60

/** Runs a statement in a transaction that is taken back, planned for its values and planned for any. */
export async function explain(client: pg.Client, { text, values }: Seen): Promise<Explained[]> {
  const explained: Explained[] = []
  for (const plans of ['custom', 'generic'] as const) {
    await client.query('begin')
    await client.query(`set local plan_cache_mode = force_${plans}_plan`)
    await client.query(`prepare explained as ${text}`)
    const given = values.length === 0 ? '' : `(${values.map(literal).join(', ')})`
    const { rows } = await client.query(`explain (analyze, buffers, format json) execute explained${given}`)
    await client.query('rollback')
    await client.query('deallocate explained')
    const [{ Plan: plan, 'Execution Time': milliseconds }] = rows[0]['QUERY PLAN'] as [{ Plan: Node; 'Execution Time': number }]
    const scans = nodesOf(plan).filter((node) => node['Relation Name'] !== undefined && node['Node Type'].includes('Scan'))
    explained.push({ plans, milliseconds, read: scans.reduce((sum, node) => sum + readBy(node), 0), faults: scans.flatMap(faultsOf) })
  }
  return explained
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const text = Array.isArray(value) ? `{${value.map((item) => JSON.stringify(item)).join(',')}}` : String(value)
  return pg.escapeLiteral(text)
}

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]
const thrownAway = (node: Node): number => (node['Rows Removed by Filter'] ?? 0) * node['Actual Loops']
const readBy = (node: Node): number => node['Actual Rows'] * node['Actual Loops'] + thrownAway(node)

function faultsOf(node: Node): string[] {
  const table = node['Relation Name'] as string
  if (!big.has(table) || node['Actual Loops'] === 0) return []
  if (node['Node Type'] === 'Seq Scan') return [`reads all of ${table}`]
  const [used, waste] = [node['Actual Rows'] * node['Actual Loops'], thrownAway(node)]
  return waste > wasted + 2 * used ? [`throws ${waste} rows of ${table} away for ${used} (${node['Index Name']})`] : []
}
