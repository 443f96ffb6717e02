import pg from 'pg'

/** Behind a pooler the next transaction may run on another connection, which knows no statement by the name it was given on this one. */
export class NamelessClient extends pg.Client {
  override query(...args: unknown[]): never {
    const [config, ...rest] = args
    const nameless = typeof config === 'object' && config !== null && 'name' in config ? { ...config, name: undefined } : config
    return (super.query as (...args: unknown[]) => unknown).call(this, nameless, ...rest) as never
  }
}
