import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import PostalMime from 'postal-mime'
import t from 'tap'
import { folderTransport } from '../../src/outbox/transport.ts'

const mail = {
  to: 'anna@bücher.example',
  subject: 'Prüfung',
  text: `Your token:\n\n${'a'.repeat(43)}\n\nbücher\n`,
  at: Date.UTC(2026, 10, 22, 4, 5, 6, 7),
}

function folder(t: { teardown(work: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'mandate-mail-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

t.test('a mail becomes one private file that a mail program reads', async (t) => {
  const dataDir = folder(t)
  const lines: object[] = []
  const keep = (fields: object) => lines.push(fields)
  const transport = folderTransport(
    { dataDir, mailFrom: 'Support Büro <support@provider.example>' },
    { info: keep, warn: keep, error: keep },
  )
  await transport.send(mail)
  await transport.send(mail)
  const names = readdirSync(join(dataDir, 'mail'))
  t.equal(names.length, 2, 'each its own, and no draft is left')
  const [name = ''] = names
  t.match(name, /^2026-11-22T040506\.007Z-[0-9a-f]{12}\.eml$/)
  t.equal(statSync(join(dataDir, 'mail')).mode & 0o777, 0o700)
  t.equal(statSync(join(dataDir, 'mail', name)).mode & 0o777, 0o600)
  const raw = readFileSync(join(dataDir, 'mail', name), 'utf8')
  t.match(raw, new RegExp(`^${'a'.repeat(43)}$`, 'm'), 'a secret can be read without decoding')
  t.match(raw, /^Return-Path: <>$/m)
  const read = await PostalMime.parse(raw)
  t.match(read, { subject: mail.subject, text: mail.text, from: { name: 'Support Büro', address: 'support@provider.example' } })
  t.equal(read.to?.length, 1)
  t.equal(Date.parse(read.date ?? ''), Math.floor(mail.at / 1000) * 1000)
  const header = (name: string) => read.headers.find(({ key }) => key === name)?.value
  t.equal(header('auto-submitted'), 'auto-generated', 'so that no machine answers it')
  t.equal(header('x-auto-response-suppress'), 'All')
  t.strictSame(
    lines.map((line) => Object.keys(line)),
    [['mail'], ['mail']],
  )
  t.notMatch(JSON.stringify(lines), /aaaa|anna|Prüfung/, 'the log names the file only')
})

t.test('a secret stands on one line of the file, whatever stands before it', async (t) => {
  const dataDir = folder(t)
  const transport = folderTransport({ dataDir, mailFrom: 'support@provider.example' }, { info() {}, warn() {}, error() {} })
  const secret = 'a'.repeat(43)
  for (let length = 0; length < 76; length += 7) {
    const text = `Prüfung ${'x '.repeat(length / 2)}\n\nChoose one with this token:\n\n${secret}\n\nbücher\n`
    await transport.send({ ...mail, text, at: mail.at + length })
  }
  const files = readdirSync(join(dataDir, 'mail')).map((name) => readFileSync(join(dataDir, 'mail', name), 'utf8'))
  t.equal(files.length, 11)
  for (const file of files) t.match(file, new RegExp(`^${secret}$`, 'm'))
})

t.test('a mail that cannot be written is not sent', async (t) => {
  const dataDir = folder(t)
  writeFileSync(join(dataDir, 'mail'), 'in the way')
  const quiet = { info: () => t.fail('nothing was written'), warn: () => {}, error: () => {} }
  const transport = folderTransport({ dataDir, mailFrom: 'support@provider.example' }, quiet)
  await t.rejects(transport.send(mail), { code: 'EEXIST' })
})
