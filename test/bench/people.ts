/** Who sends the requests: developers and contacts of accounts all over the database, signed in. */
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/database/open.ts'
import { openKeys } from '../../src/http/keys.ts'
import { quiet } from '../fixtures/database.ts'
import type { Place } from './places.ts'
import { issuer } from './processes.ts'
import { developerOf, idOf, perAccount, type Sizes } from './sizes.ts'

export type Person = { id: string; token: string }

/** One account with those who speak for it: what the requests of a run are about. */
export type Desk = {
  account: string
  number: string
  domain: string
  domains: string[]
  technical: Person
  /** Under a grant for `domain`; `counted` under one that counts its uses, for `countedDomain`. */
  developer: Person
  counted: Person
  countedDomain: string
  tickets: string[]
}

const desksMax = 500

/** Desks spread evenly over the accounts. Their tokens are good for twelve hours. */
export async function openDesks(place: Place, sizes: Sizes): Promise<Desk[]> {
  // The keys that sign are those of the database Mandate is going to open.
  const settings = place.url === undefined ? place.mandate : { DATABASE_URL: place.url }
  const opened = await openDatabase(readConfig({ ...settings, SECRET_KEY: place.secret }), quiet)
  const now = Date.now()
  const keys = await openKeys(opened.db, Buffer.from(place.secret, 'base64'), issuer, now)
  const person = async (user: number): Promise<Person> => {
    const [id, sid, iat] = [idOf('user', user), idOf('session', user), Math.floor(now / 1000)]
    return { id, token: await keys.sign({ sub: id, sid, iat, exp: iat + 12 * 3_600, auth_time: iat, amr: ['pwd'] }) }
  }
  const count = Math.min(desksMax, sizes.accounts)
  const desks: Desk[] = []
  // One after the other: signing asks the database for the key, and all at once would wait for its few connections until they give up.
  for (let index = 0; index < count; index++) {
    const account = Math.floor((index * sizes.accounts) / count)
    const [free, counted] = [perAccount.grants * account, perAccount.grants * account + 3]
    const domainOf = (grant: number): string => `d${perAccount.domains * account + (grant % perAccount.domains)}.example`
    desks.push({
      account: idOf('account', account),
      number: `C-${20_000 + account}`,
      domain: domainOf(free),
      domains: Array.from({ length: perAccount.domains }, (_, domain) => domainOf(domain)),
      technical: await person(perAccount.contacts * account + 1),
      developer: await person(developerOf(sizes, free)),
      counted: await person(developerOf(sizes, counted)),
      countedDomain: domainOf(counted),
      tickets: Array.from({ length: Math.floor(sizes.tickets / sizes.accounts) }, (_, turn) =>
        idOf('ticket', turn * sizes.accounts + account),
      ),
    })
  }
  await opened.close()
  return desks
}
