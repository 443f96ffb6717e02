/** The panel of docs/integrating-a-panel.md is run as the page says, by its own commands, against a server that listens. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { openTestApp, send } from './fixtures/app.ts'
import { staff } from './fixtures/cast.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = readFileSync(join(root, 'docs/integrating-a-panel.md'), 'utf8')
const blocks = (kind: string) => [...page.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\`$`, 'gms'))].map(([, text]) => text as string)

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

t.test('the commands of the page register a panel, and the panel does what the page says', async (t) => {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const test = await openTestApp(t, { PUBLIC_URL: origin })
  await test.app.listen({ host: '127.0.0.1', port })
  const admin = await staff(test, 'Ada', 'admin')
  const folder = mkdtempSync(join(tmpdir(), 'mandate-panel-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [register, run] = blocks('sh').map((text) => text.replaceAll('docs/examples/', join(root, 'docs/examples/')))
  // Not the environment of the test: its NODE_OPTIONS would reach the reader's `node`.
  const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, HELPDESK: origin, ADMIN_TOKEN: admin.token }
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', `${register}${run}${run}`], {
    cwd: folder,
    env,
  })
  t.equal(stderr, '')
  const shown = (blocks('text')[0] as string).trim().split('…')
  const [first, second] = stdout.trim().split('\n')
  for (const line of [first, second])
    t.ok(
      shown.every((part) => line?.includes(part)),
      `as the page shows it: ${line}`,
    )
  const [one, two] = [JSON.parse(String(first)), JSON.parse(String(second))]
  t.equal(one.account, two.account, 'run again, it provisions nothing anew')
  t.not(one.ticket, two.ticket)
  t.equal(statSync(join(folder, 'panel-key.pem')).mode & 0o777, 0o600)
  const seen = await send(test, 'GET', '/v1/tickets', { token: admin.token })
  t.match(seen.body.items, [{ subject: 'The site is slow' }, { subject: 'The site is slow' }])
})
