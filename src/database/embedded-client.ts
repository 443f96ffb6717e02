import { PGlite, type PGliteOptions, parse, protocol, type QueryOptions, type Results, type Transaction } from '@electric-sql/pglite'

/** How many statements are kept planned; beyond that the one goes that was not used for longest. */
export const keptMax = 500
/** The pages of the database that are kept in memory; the rest is in the memory of the system. 128 MB, the usual, cost more than they gave. */
const startParams = [...PGlite.defaultStartParams, '-c', 'shared_buffers=32MB']
const plannable = /^\s*(?:select|with|insert|update|delete)\b/i

type Kept = { name: string; types: readonly number[] }
const { bind, close, describe, execute, parse: read, sync } = protocol.serialize

/**
 * PGlite that reads and plans a statement once, as a connection to PostgreSQL does for named ones. PGlite's own `query` does so every
 * time, in six calls into the database; here the second time is one call (extended query, PostgreSQL 17 manual, 53.2.3).
 */
export class EmbeddedClient extends PGlite {
  readonly #kept = new Map<string, Kept>()
  #count = 0

  static async open(folder: string, options: PGliteOptions): Promise<EmbeddedClient> {
    const client = new EmbeddedClient(folder, { startParams, ...options })
    await client.waitReady
    return client
  }

  override async query<T>(text: string, values?: unknown[], options?: QueryOptions): Promise<Results<T>> {
    if (!plannable.test(text)) return super.query<T>(text, values, options)
    await this._checkReady()
    return this._runExclusiveTransaction(async () => {
      const results = await this.#run<T>(text, values, options)
      await this.syncToFs()
      return results
    })
  }

  override transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return super.transaction((transaction) => {
      const plain = transaction.query
      transaction.query = (text, values, options) => {
        const planned = plannable.test(text) && !transaction.closed
        return planned ? this.#run(text, values, options) : plain(text, values, options)
      }
      return work(transaction)
    })
  }

  #run<T>(text: string, values: unknown[] = [], { parsers, ...options }: QueryOptions = {}): Promise<Results<T>> {
    return this._runExclusiveQuery(async () => {
      const { name, types } = this.#known(text) ?? (await this.#keep(text))
      const written = values.map((value, place) => this.#write(value, types[place] as number))
      const messages = await this.#send(bind({ statement: name, values: written }), describe({ type: 'P' }), execute(), sync())
      const readers = parsers === undefined ? this.parsers : Object.setPrototypeOf({ ...parsers }, this.parsers)
      return parse.parseResults(messages, readers, options)[0] as Results<T>
    })
  }

  #write(value: unknown, type: number): string | null {
    if (value === null || value === undefined) return null
    return this.serializers[type]?.(value) ?? String(value)
  }

  /** What a map holds last was used last. */
  #known(text: string): Kept | undefined {
    const known = this.#kept.get(text)
    if (known === undefined) return undefined
    this.#kept.delete(text)
    this.#kept.set(text, known)
    return known
  }

  async #keep(text: string): Promise<Kept> {
    const name = `kept_${this.#count++}`
    const messages = await this.#send(read({ name, text }), describe({ type: 'S', name }), sync())
    const made = { name, types: parse.parseDescribeStatementResults(messages) }
    this.#kept.set(text, made)
    if (this.#kept.size > keptMax) await this.#forgetOldest()
    return made
  }

  async #forgetOldest(): Promise<void> {
    const [text, { name }] = this.#kept.entries().next().value as [string, Kept]
    this.#kept.delete(text)
    await this.#send(close({ type: 'S', name }), sync())
  }

  #send(...messages: Uint8Array[]) {
    return this.execProtocolStream(Buffer.concat(messages), { syncToFs: false })
  }
}
