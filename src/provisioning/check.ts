import { type FieldError, invalid } from '../problem.ts'
import type { Sync } from './sync-schema.ts'

const rowsMax = 2_000

/** Looks at a list as a whole. @throws Problem `validation_error` when it has too many rows, or says something of one thing twice */
export function checkSync({ accounts }: Sync): void {
  const rows = accounts.reduce((sum, { domains = [], contacts = [] }) => sum + 1 + domains.length + contacts.length, 0)
  if (rows > rowsMax) {
    throw invalid({ pointer: '#/accounts', detail: `must have no more than ${rowsMax} rows in all; it has ${rows}`, code: 'too_many' })
  }
  const errors = [
    ...twice(accounts, '#/accounts'),
    ...accounts.flatMap(({ domains = [], contacts = [] }, index) => [
      ...twice(domains, `#/accounts/${index}/domains`),
      ...twice(contacts, `#/accounts/${index}/contacts`),
    ]),
  ]
  if (errors.length > 0) throw invalid(...errors)
}

function twice(list: readonly { external: string }[], pointer: string): FieldError[] {
  const first = new Map(list.map(({ external }, index) => [external, index] as const).reverse())
  return list.flatMap(({ external }, index) =>
    first.get(external) === index
      ? []
      : [{ pointer: `${pointer}/${index}/external`, detail: 'must not be listed twice', code: 'duplicate' }],
  )
}
