/** How many rows of each kind, and which id the n-th of them has. The seed (`seed.ts`) makes the same ids in SQL. */
export type Sizes = { accounts: number; domains: number; contacts: number; grants: number; tickets: number; messages: number }

export const full: Sizes = {
  accounts: 20_000,
  domains: 60_000,
  contacts: 60_000,
  grants: 100_000,
  tickets: 1_000_000,
  messages: 3_000_000,
}

export const part = (sizes: Sizes, of: number): Sizes =>
  Object.fromEntries(Object.entries(sizes).map(([kind, count]) => [kind, Math.ceil(count / of)])) as Sizes
export const hundredth = (sizes: Sizes): Sizes => part(sizes, 100)

/** Each account has three domains and contacts and five grants; a developer has five grants, on five accounts. */
export const perAccount = { domains: 3, contacts: 3, grants: 5 } as const
/** Contacts come first among the users: as many developers as accounts follow. */
export const developerOf = (sizes: Sizes, grant: number): number => sizes.contacts + (grant % sizes.accounts)

export const kinds = {
  user: 1,
  address: 2,
  session: 3,
  account: 4,
  domain: 5,
  contact: 6,
  grant: 7,
  ticket: 8,
  message: 9,
  event: 10,
} as const
export type Kind = keyof typeof kinds

const epoch = 1_700_000_000_000

/** A version 7 UUID: in the order of `n`, as ids made one after the other are. */
export function idOf(kind: Kind, n: number): string {
  const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0')
  const time = hex(epoch + n, 12)
  const rest = hex(n, 15)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(kinds[kind], 3)}-8${rest.slice(0, 3)}-${rest.slice(3)}`
}

/** The same in SQL. */
export const idFunction = `create or replace function bench_id(kind int, n bigint) returns uuid language sql immutable parallel safe as $$
  select (lpad(to_hex(${epoch} + n), 12, '0') || '7' || lpad(to_hex(kind), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid $$`
