/**
 * An admin made at the console: the first one, one more, or a lost one who gets in again. Whoever can run this can read the database as
 * well, so that nothing is asked of him but what the admin needs.
 */
import { Value } from '@sinclair/typebox/value'
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { StartError } from '../config.ts'
import { staffMembers } from '../database/tables.ts'
import { newId } from '../id.ts'
import { adminKeys } from '../identity/admins.ts'
import { insertUser } from '../identity/newcomer.ts'
import { demandPassword, hashPassword } from '../identity/passwords.ts'
import { addressOf, PersonName } from '../identity/schema.ts'
import { append } from '../journal/append.ts'
import { findByAddress } from '../sessions/store.ts'
import { type Asking, ask, type Question } from './ask.ts'
import { byOperator } from './event.ts'
import { recoverAdmin } from './recover-admin.ts'

/** Asks who it is, and makes him admin. The address counts as proven: the operator vouches for it. */
export async function createAdmin(context: Context, asking: Asking): Promise<string> {
  const { name, address, password } = await person(asking)
  const passwordHash = await hashPassword(context.config, password)
  const owner = await findByAddress(context.db, address)
  if (owner !== undefined) return recoverAdmin(context, { userId: owner.userId, address, passwordHash })
  await changeByProof(context, adminKeys, async (tx, now) => {
    const event = byOperator(now)
    const userId = await insertUser(tx, { name, address, passwordHash }, now, (kind, _userId, rest) => event(kind, rest))
    const id = newId()
    await tx.insert(staffMembers).values({ id, userId, role: 'admin', givenAt: new Date(now) })
    await append(tx, event('staff.given', { resourceType: 'staff_member', resourceId: id }))
  })
  return `${name} is an admin now and signs in as ${address}.`
}

const questions: Question[] = [{ label: 'Name' }, { label: 'Mail address' }, { label: 'Password', secret: true }]
/** What cannot be seen is typed twice. */
const again: Question = { label: 'Password again', secret: true }

async function person(asking: Asking): Promise<{ name: string; address: string; password: string }> {
  const answers = await ask(asking.input.isTTY === true ? [...questions, again] : questions, asking)
  const [name, text, password, repeated = password] = answers.map((answer, index) => (index < 2 ? answer.trim() : answer)) as [
    string,
    string,
    string,
    string?,
  ]
  if (!Value.Check(PersonName, name)) throw new StartError('The name must be one line of at most 200 characters that is not blank.')
  const address = addressOf(text, { pointer: '#/address' })
  demandPassword(password, address)
  if (repeated !== password) throw new StartError('The two passwords are not the same, so nothing was changed.')
  return { name, address, password }
}
