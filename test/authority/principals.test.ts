/** Where only somebody in particular can act, nothing goes on without him, whatever was overlooked before. */
import t from 'tap'
import { sessionOf } from '../../src/authority/conditions.ts'
import { actorOf } from '../../src/authority/judge.ts'
import { personOf } from '../../src/authority/load.ts'

t.test('a client is no person, and who is not signed in has no session', async (t) => {
  t.throws(() => personOf({ userId: null }), { message: 'a client has no user' })
  t.throws(() => actorOf({ actorUserId: null }), { message: "a client acts in no person's place" })
  t.throws(() => sessionOf({ session: null }), { message: 'nobody is signed in' })
})
