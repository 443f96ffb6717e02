import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { StartError } from '../../src/config.ts'
import { lockFolder } from '../../src/database/lock.ts'
import { contender } from '../fixtures/contender.ts'

const locker = (t: Test, folder: string) => contender(t, 'database/lock.ts', `it.lockFolder(args[0]) && 'held'`, [folder])

/** Everything in the folder that a trespasser could have changed. */
function state(folder: string): string[] {
  return readdirSync(folder).map((name) => `${name} ${statSync(join(folder, name)).mtimeMs} ${statSync(join(folder, name)).size}`)
}

t.test('a second process on the same folder is refused by name and touches nothing', async (t) => {
  const folder = t.testdir({ precious: 'rows' })
  const first = await locker(t, folder)
  t.equal(await first.go(), 'held')
  const before = state(folder)
  const second = await locker(t, folder)
  t.equal(
    await second.go(),
    `The data folder ${folder} is in use by process ${first.pid}: stop that one, or set DATA_DIR to another folder.`,
  )
  t.strictSame(state(folder), before)
})

t.test('the lock of a process that was killed is taken over at once', async (t) => {
  const folder = t.testdir()
  const first = await locker(t, folder)
  t.equal(await first.go(), 'held')
  await first.kill()
  t.strictSame(readdirSync(folder).sort(), ['lock', 'lock.pid'])
  const second = await locker(t, folder)
  t.equal(await second.go(), 'held')
})

t.test('of four processes that take over the lock of a dead one at once, exactly one wins', async (t) => {
  const folder = t.testdir()
  const dead = await locker(t, folder)
  t.equal(await dead.go(), 'held')
  const heirs = await Promise.all([1, 2, 3, 4].map(() => locker(t, folder)))
  await dead.kill()
  const answers = await Promise.all(heirs.map((heir) => heir.go()))
  t.equal(answers.filter((answer) => answer === 'held').length, 1)
  t.equal(answers.filter((answer) => answer.startsWith(`The data folder ${folder} is in use by `)).length, 3)
})

t.test('a note that names a living process is not a lock: process ids are used again', async (t) => {
  const folder = t.testdir({ lock: '', 'lock.pid': `${process.pid}\n` })
  t.doesNotThrow(() => lockFolder(folder).release())
})

t.test('within one process, too, a folder is held once, until it is let go', async (t) => {
  const folder = t.testdir()
  const held = lockFolder(folder)
  t.throws(() => lockFolder(folder), new StartError(refusal(folder, `process ${process.pid}`)))
  held.release()
  const again = lockFolder(folder)
  held.release()
  t.throws(() => lockFolder(folder), StartError, 'letting go twice does not take the lock from its next holder')
  again.release()
  t.strictSame(readdirSync(folder), ['lock'], 'and no note is left')
})

t.test('while the note is not written yet, the refusal names nobody', async (t) => {
  const folder = t.testdir()
  const held = lockFolder(folder)
  t.teardown(held.release)
  writeFileSync(join(folder, 'lock.pid'), '')
  t.throws(() => lockFolder(folder), new StartError(refusal(folder, 'another process')))
  rmSync(join(folder, 'lock.pid'))
  t.throws(() => lockFolder(folder), new StartError(refusal(folder, 'another process')))
})

t.test('a folder that cannot be locked is refused', async (t) => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'lock'))
  t.throws(() => lockFolder(folder), { name: 'StartError', message: `The data folder ${folder} cannot be locked: ` })
  const damaged = t.testdir({ lock: 'not a lock file, but something long enough to be taken for a damaged one'.repeat(9) })
  t.throws(() => lockFolder(damaged), { name: 'StartError', message: `The data folder ${damaged} cannot be locked: ` })
})

function refusal(folder: string, holder: string): string {
  return `The data folder ${folder} is in use by ${holder}: stop that one, or set DATA_DIR to another folder.`
}
