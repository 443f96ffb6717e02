/** TXT records of the domain name system: the one thing this service looks up there for people who claim a name. */
import { Resolver } from 'node:dns/promises'

/** The texts of the TXT records at a name, each in one piece; none where there are none, or nobody answers in time. */
export type TxtResolver = (name: string) => Promise<string[]>

/** Lower-case letters, digits, hyphens and underscores (RFC 8552): nothing else of what people state ever becomes a query. */
const nameForm = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

const patienceMs = 5_000

/** Whether the name can be asked for. */
export const isTxtName = (name: string): boolean => nameForm.test(name)

/** Asks the resolvers of this machine, or the given ones. Who answers with an error or not in time has shown no record. */
export function dnsTxt({ servers, patience = patienceMs }: { servers?: readonly string[]; patience?: number } = {}): TxtResolver {
  return async (name) => {
    if (!isTxtName(name)) return []
    const resolver = new Resolver({ timeout: patience, tries: 1 })
    if (servers !== undefined) resolver.setServers([...servers])
    const late = setTimeout(() => resolver.cancel(), patience)
    const found = resolver.resolveTxt(name).then(
      (records) => records.map((chunks) => chunks.join('')),
      () => [],
    )
    return found.finally(() => clearTimeout(late))
  }
}

/** Of an application that was given none: asking it is a mistake of whoever put it together. */
export const noTxt: TxtResolver = async () => {
  throw new Error('this application was given no resolver')
}
