/** What a person at a terminal sees: the questions, what he types for them, and never his password. */
import { spawn, spawnSync } from 'node:child_process'
import { PassThrough } from 'node:stream'
import t from 'tap'
import type { Context } from '../../src/authority/context.ts'
import { ask, type Question } from '../../src/cli/ask.ts'
import { createAdmin } from '../../src/cli/create-admin.ts'
import { signIn } from '../fixtures/passwords.ts'
import { command, openDesk, said } from './desk.ts'

const secret = 'correct horse hunter2'
const questions: Question[] = [{ label: 'Name' }, { label: 'Password', secret: true }, { label: 'Town' }]

/** A terminal whose keys the test presses. */
function terminal() {
  const screen = { text: '' }
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
  const output = { write: (text: string) => (screen.text += text) }
  const seen = async (text: string) => {
    while (!screen.text.includes(text)) await new Promise((resolve) => setImmediate(resolve))
  }
  return { screen, input, output, seen }
}

/** Without what moves the cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const plain = (text: string) => text.replaceAll(/\u001b\[\d*[A-Z]|\r/g, '')

t.test('a password is not shown, however it is typed', async (t) => {
  const { screen, input, output, seen } = terminal()
  const answers = ask(questions, { input, output })
  await seen('Name: ')
  input.write('Adda\u007f\u007fa\r') // with a correction
  await seen('Password: ')
  input.write(`x\u007f${secret}\u001b[D\u001b[C\r`) // with corrections and arrows
  await seen('Town: ')
  input.write('\u001b[A\u001b[A\r') // arrows bring nothing back
  t.strictSame(await answers, ['Ada', secret, ''])
  t.notMatch(screen.text, /horse|hunter2/)
  t.equal(plain(screen.text).match(/\nPassword: .*\n/)?.[0], '\nPassword: \n')
})

t.test('nor is a pasted one', async (t) => {
  const { screen, input, output } = terminal()
  input.write(`Ada\r${secret}\rLondon\rand more\r`)
  t.strictSame(await ask(questions, { input, output }), ['Ada', secret, 'London'])
  t.notMatch(screen.text, /horse|hunter2/)
  t.match(screen.text, /London/)
})

t.test('whoever gives up changes nothing', async (t) => {
  for (const key of ['\u0003', '\u0004']) {
    const { screen, input, output, seen } = terminal()
    const answers = ask(questions, { input, output })
    const refused = t.rejects(answers, { message: 'There was no answer to "Password", so nothing was changed.' })
    await seen('Name: ')
    input.write('Ada\r')
    await seen('Password: ')
    input.write(key)
    await refused
    t.match(plain(screen.text), /Password: \n$/)
  }
})

t.test('at a terminal the password is typed twice', async (t) => {
  const { screen, input, output } = terminal()
  input.write(`Ada\rada@provider.example\r${secret}\r${secret}x\r`)
  await t.rejects(createAdmin({} as Context, { input, output }), { message: 'The two passwords are not the same, so nothing was changed.' })
  t.match(screen.text, /Password again: /)
})

t.test('the real process at a real terminal', async (t) => {
  if (spawnSync('script', ['--version']).status !== 0) return t.comment('SKIPPED: there is no script(1) to make a terminal with')
  const desk = await openDesk(t)
  const shown = await type(desk.env, ['Ada', 'ada@provider.example', secret, secret])
  t.equal(shown.code, 0, shown.out)
  t.match(shown.out, /Name: .*Mail address: .*Password: .*Password again: .*Ada is an admin now and signs in as ada@provider\.example\./s)
  t.notMatch(shown.out, /horse|hunter2/)
  await desk.within(async (test) => t.equal((await signIn(test, 'ada@provider.example', secret)).status, 201))
})

/** Answers each question when it has been asked. */
async function type(env: Readonly<Record<string, string>>, answers: string[]) {
  const line = [...command, 'admin:create'].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], { env: { ...process.env, ...env } })
  const labels = ['Name: ', 'Mail address: ', 'Password: ', 'Password again: ']
  let shown = ''
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk
    if (labels[0] === undefined || !shown.includes(labels[0])) return
    labels.shift()
    child.stdin.write(`${answers.shift()}\r`)
  })
  return said(child)
}
