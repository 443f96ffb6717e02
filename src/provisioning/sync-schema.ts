import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { maybeText, openWord } from '../http/shapes.ts'
import { account, accountTerms, closed, contact, contactTerms, domain, domainTerms } from './schema.ts'

const listOf = <T extends TSchema>(item: T, maxItems: number, description: string) =>
  Type.Optional(Type.Array(item, { maxItems, description }))

const SyncDomain = Type.Object({ external: domain, ...domainTerms }, closed)
const SyncContact = Type.Object({ external: contact, ...contactTerms }, closed)
const SyncAccount = Type.Object(
  {
    external: account,
    ...accountTerms,
    domains: listOf(SyncDomain, 200, 'Its domains'),
    contacts: listOf(SyncContact, 100, 'Its contacts'),
  },
  closed,
)
export type SyncAccount = Static<typeof SyncAccount>

export const Sync = Type.Object(
  {
    accounts: Type.Array(SyncAccount, { maxItems: 200 }),
    complete: Type.Optional(
      Type.Boolean({
        description:
          'What you provisioned for these accounts and do not list is released or ended; accounts you do not list are only named',
      }),
    ),
    dryRun: Type.Optional(Type.Boolean({ description: 'Each account is tried and undone: the report tells what would be' })),
  },
  { $id: 'Sync', ...closed, examples: [{ accounts: [{ external: '4711', name: 'Example Ltd' }] }] },
)
export type Sync = Static<typeof Sync>

export const syncResults = ['created', 'changed', 'unchanged', 'removed', 'failed', 'absent'] as const

export const SyncReport = Type.Object(
  {
    dryRun: Type.Boolean(),
    rows: Type.Array(
      Type.Object(
        {
          path: Type.String({ description: 'What it is about: the path below /v1/provisioning' }),
          result: openWord(syncResults, '`absent`: an account of yours that a complete list does not name, and that stays as it is'),
          problem: Type.Optional(
            Type.Object({
              code: Type.String(),
              detail: maybeText('What helps to mend it'),
              errors: Type.Optional(Type.Array(Type.Unknown())),
            }),
          ),
        },
        closed,
      ),
    ),
    moreAbsent: Type.Boolean({ description: 'Whether there are more absent accounts than the 200 that are listed' }),
  },
  { $id: 'SyncReport', ...closed },
)
export type SyncReport = Static<typeof SyncReport>
export type Row = SyncReport['rows'][number]
