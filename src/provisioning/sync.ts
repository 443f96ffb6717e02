/**
 * Many accounts at once, each in a transaction of its own, and in it each row undone by itself when it fails: one that is wrong spoils
 * no other. The report tells what became of each.
 */
import { and, eq, notInArray } from 'drizzle-orm'
import { AccountClosed } from '../authority/closed.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import { giveUpDomain } from '../authority/releases.ts'
import { externalAccounts } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import { putAccount } from './account.ts'
import { checkSync } from './check.ts'
import { end, putContact, standingContacts } from './contacts.ts'
import { heldDomains, putDomain } from './domains.ts'
import { provision, realmOf, row, type Work } from './realm.ts'
import type { Row, Sync, SyncAccount, SyncReport } from './sync-schema.ts'

/** Throws the refusal, or what is wrong with the list as a whole; what is wrong with a row is in the report. */
export async function sync(context: Context, standing: Standing, body: Sync): Promise<SyncReport> {
  const { accounts, complete = false, dryRun = false } = body
  const realm = await realmOf(context, standing)
  checkSync(body)
  const rows: Row[] = []
  for (const account of accounts) rows.push(...(await syncAccount(context, standing, account, complete, dryRun)))
  const absent = complete
    ? await absentFrom(
        context,
        realm,
        accounts.map(({ external }) => external),
      )
    : []
  rows.push(...absent.slice(0, absentMax).map((external) => ({ path: pathOf(external), result: 'absent' as const })))
  return { dryRun, rows, moreAbsent: absent.length > absentMax }
}

const absentMax = 200

/** Ends the transaction of a dry run, and carries what would have been. */
class Undone extends Error {
  readonly rows: Row[]
  constructor(rows: Row[]) {
    super()
    this.rows = rows
  }
}

async function syncAccount(context: Context, standing: Standing, wanted: SyncAccount, complete: boolean, dryRun: boolean): Promise<Row[]> {
  const refused: AccountClosed[] = []
  const done = await provision(context, standing, wanted.external, async (step, account) => {
    const rows = await syncRows(step, account, wanted, complete, refused)
    if (dryRun) throw new Undone(rows)
    return rows
  }).catch((error: unknown) => (error instanceof Undone ? error.rows : [failed(pathOf(wanted.external), error)]))
  // One record of an account, however many of its rows were refused.
  if (refused[0] !== undefined) await append(context.db, refused[0].event)
  return done
}

/** What is given up comes first, so that its name is free for what takes its place; contacts end last, so that an owner can be replaced. */
async function syncRows(
  step: Work,
  account: AccountFact | null,
  wanted: SyncAccount,
  complete: boolean,
  refused: AccountClosed[],
): Promise<Row[]> {
  const { external, name, number, domains = [], contacts = [] } = wanted
  const { id, result } = await putAccount(step, account, external, { name, number })
  const done: Row[] = [{ path: pathOf(external), result }]
  const attempt = async (kind: string, of: string, work: (step: Work) => Promise<Row['result']>) => {
    const path = pathOf(external, kind, of)
    done.push(
      await row(step, work).then(
        (became) => ({ path, result: became }),
        (error: unknown) => {
          if (error instanceof AccountClosed) refused.push(error)
          return failed(path, error)
        },
      ),
    )
  }
  const surplus = <T extends { external: string | null }>(known: readonly T[], listed: readonly { external: string }[]) =>
    known.flatMap((one) =>
      one.external === null || listed.some((other) => other.external === one.external) ? [] : [{ ...one, external: one.external }],
    )

  for (const { id: domainId, external: of } of complete ? surplus(await heldDomains(step, id), domains) : []) {
    await attempt('domains', of, async ({ jobs, tx, authority }) => {
      await giveUpDomain(jobs, tx, authority, id, domainId)
      return 'removed'
    })
  }
  for (const { external: of, ...domain } of domains.toSorted(inOrderOf(({ name }) => name)))
    await attempt('domains', of, async (within) => (await putDomain(within, id, of, domain)).result)
  for (const { external: of, ...contact } of contacts.toSorted(inOrderOf(({ subject }) => subject)))
    await attempt('contacts', of, async (within) => (await putContact(within, id, of, contact)).result)
  for (const contact of complete ? surplus(await standingContacts(step, id), contacts) : []) {
    await attempt('contacts', contact.external, async (within) => {
      await end(within, id, contact)
      return 'removed'
    })
  }
  return done
}

/** Names and people are taken in the order of their keys, so that two lists that share some cannot deadlock. */
const inOrderOf =
  <T>(key: (one: T) => string) =>
  (a: T, b: T): number =>
    key(a) < key(b) ? -1 : 1

/** @throws what is no problem of the row but ours */
function failed(path: string, error: unknown): Row {
  if (!(error instanceof Problem)) throw error
  const { code, detail = null, members } = error
  const errors = members['errors']
  return { path, result: 'failed', problem: { code, detail, ...(Array.isArray(errors) && { errors }) } }
}

const pathOf = (account: string, ...below: string[]): string => ['accounts', account, ...below].map(encodeURIComponent).join('/')

/** Accounts of the realm that a complete list does not name, one more than are told. */
async function absentFrom({ db }: Context, realm: string, listed: readonly string[]): Promise<string[]> {
  const absent = and(eq(externalAccounts.realm, realm), notInArray(externalAccounts.externalId, [...listed]))
  const found = await db
    .select({ external: externalAccounts.externalId })
    .from(externalAccounts)
    .where(absent)
    .orderBy(externalAccounts.externalId)
    .limit(absentMax + 1)
  return found.map(({ external }) => external)
}
