import pg from 'pg'

/** Behind a pooler the next transaction may run on another connection, which knows no statement by the name it was given on this one. */
export class NamelessClient extends pg.Client {
  override query(...args: unknown[]): never {
    const [config, ...rest] = args
    return (super.query as (...args: unknown[]) => unknown).call(this, nameless(config), ...rest) as never
  }
}

/** A `pg.Query` is on its way already and loses its name; a plain configuration may be used again, and keeps it. */
function nameless(config: unknown): unknown {
  if (config instanceof pg.Query) return Object.assign(config, { name: undefined })
  return typeof config === 'object' && config !== null && 'name' in config ? { ...config, name: undefined } : config
}
