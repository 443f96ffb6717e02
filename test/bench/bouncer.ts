/** PgBouncer in transaction mode before a database: statements of one request may run on different connections, and none keeps its names. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask, freePort, systemUser } from '../races/server.ts'

const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path))

/** Starts one on a free port. @returns its URL for the same database @throws Error where it is not installed */
export async function startBouncer(url: string, ends: { teardown(end: () => unknown): void }, poolSize = 10): Promise<string> {
  if (program === undefined) throw new Error('PgBouncer is not installed')
  const target = new URL(url)
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bouncer-'))
  const port = await freePort()
  const database = target.pathname.slice(1)
  writeFileSync(join(folder, 'users'), `"${target.username}" ""\n`)
  writeFileSync(
    join(folder, 'bouncer.ini'),
    `[databases]
${database} = host=${target.hostname} port=${target.port || 5432} dbname=${database} user=${target.username}${target.password === '' ? '' : ` password=${target.password}`}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${folder}/users
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
`,
  )
  for (const path of [folder, join(folder, 'users'), join(folder, 'bouncer.ini')]) chmodSync(path, 0o755)
  const child = spawn(program, ['-q', join(folder, 'bouncer.ini')], { ...systemUser(), cwd: '/', stdio: 'ignore' })
  const ended = once(child, 'exit')
  ends.teardown(async () => {
    child.kill('SIGINT')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  target.hostname = '127.0.0.1'
  target.port = String(port)
  target.password = ''
  await untilAnswered(target.href)
  return target.href
}

async function untilAnswered(url: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await ask(url, 'select 1')
      return
    } catch (error) {
      if (attempt === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
