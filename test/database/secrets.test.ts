import { randomBytes } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { StartError } from '../../src/config.ts'
import { deriveKey, loadSecret, open, seal } from '../../src/database/secrets.ts'

t.test('the first start makes a private secret of its own, which later starts find again', async (t) => {
  const dataDir = t.testdir()
  const secret = loadSecret({ dataDir })
  t.equal(secret.length, 32)
  t.strictSame(readdirSync(dataDir), ['secret.key'], 'nothing half made is left beside it')
  t.equal(statSync(join(dataDir, 'secret.key')).mode & 0o777, 0o600)
  t.strictSame(loadSecret({ dataDir }), secret)
  t.notSame(loadSecret({ dataDir: t.testdir({ other: {} }) }), secret, 'no two installations share one')
})

t.test('a configured secret is used as it is, and no file is made', async (t) => {
  const dataDir = t.testdir()
  const secret = randomBytes(32)
  t.strictSame(loadSecret({ dataDir, secretKey: secret.toString('base64') }), secret)
  t.strictSame(readdirSync(dataDir), [])
})

t.test('the text of the file can become SECRET_KEY', async (t) => {
  const dataDir = t.testdir()
  const secret = loadSecret({ dataDir })
  const secretKey = readFileSync(join(dataDir, 'secret.key'), 'utf8').trim()
  t.strictSame(loadSecret({ dataDir, secretKey }), secret)
})

t.test('a secret that others may read is refused', async (t) => {
  const dataDir = t.testdir()
  loadSecret({ dataDir })
  const path = join(dataDir, 'secret.key')
  const message = `The secret key ${path} can be read by others: make it private with chmod 600.`
  for (const mode of [0o604, 0o640, 0o620]) {
    chmodSync(path, mode)
    t.throws(() => loadSecret({ dataDir }), new StartError(message))
  }
  chmodSync(path, 0o400)
  t.equal(loadSecret({ dataDir }).length, 32)
})

t.test('a damaged secret is refused, neither replaced nor repeated', async (t) => {
  const dataDir = t.testdir()
  const path = join(dataDir, 'secret.key')
  for (const content of ['', 'c2hvcnQ=\n']) {
    writeFileSync(path, content, { mode: 0o600 })
    const message = `The secret key ${path} is damaged: it wants 32 bytes in base64. Restore it from a backup.`
    t.throws(() => loadSecret({ dataDir }), new StartError(message))
    t.equal(readFileSync(path, 'utf8'), content)
  }
})

t.test('every purpose has a key of its own, the same every time', async (t) => {
  const secret = Buffer.alloc(32, 1)
  t.strictSame(deriveKey(secret, 'cursor'), deriveKey(secret, 'cursor'))
  t.notSame(deriveKey(secret, 'cursor'), deriveKey(secret, 'keys'))
  t.notSame(deriveKey(secret, 'cursor'), deriveKey(Buffer.alloc(32, 2), 'cursor'))
  t.equal(deriveKey(secret, 'cursor').length, 32)
  t.equal(deriveKey(secret, 'cursor', 16).length, 16)
  t.equal(
    deriveKey(secret, 'cursor').toString('hex'),
    'a554ae186cdc70cde557ab6a0641dcf6dcaa826a02f6fd87d5a331612e6ebd01',
    'stored values stay readable',
  )
})

t.test('what was sealed opens with its key and in its context, and nothing else', async (t) => {
  const key = deriveKey(Buffer.alloc(32, 1), 'keys')
  const sealed = seal(key, 'a private key', 'kid-1')
  t.equal(open(key, sealed, 'kid-1').toString(), 'a private key')
  t.equal(open(key, seal(key, Buffer.from('bytes'))).toString(), 'bytes')
  t.notSame(seal(key, 'a private key', 'kid-1'), sealed, 'no nonce is used twice')
  t.notMatch(sealed.toString('latin1'), 'private')
  const refused = { message: 'A sealed value cannot be opened: it was altered, or SECRET_KEY is not the one that sealed it' }
  t.throws(() => open(deriveKey(Buffer.alloc(32, 2), 'keys'), sealed, 'kid-1'), refused)
  t.throws(() => open(key, sealed, 'kid-2'), refused)
  t.throws(() => open(key, Buffer.alloc(0)), refused)
  for (let index = 0; index < sealed.length; index++) {
    const altered = Buffer.from(sealed)
    altered.writeUInt8(altered.readUInt8(index) ^ 1, index)
    t.throws(() => open(key, altered, 'kid-1'), refused)
    t.throws(() => open(key, sealed.subarray(0, index), 'kid-1'), refused)
  }
})
