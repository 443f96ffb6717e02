/** The planted bugs keep up with the code: each finds its one place, or it would prove nothing the night it is needed. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { mutants } from './mutants.ts'

t.test('every bug has its place, its test and a name of its own', async (t) => {
  for (const { name, file, find, replace, tests } of mutants) {
    t.equal(readFileSync(file, 'utf8').split(find).length, 2, `${name}: stands once in ${file}`)
    t.not(find, replace)
    for (const test of tests) t.match(readFileSync(test, 'utf8'), /t\.test\(/)
  }
  t.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length)
  t.ok(mutants.length >= 25)
})
