/** How the people of the story come to be, each in the way the API knows: bootstrap, invitation, sign-up. */
import { randomBytes } from 'node:crypto'
import type { Person, Story } from './client.ts'
import type { DemoServer } from './server.ts'

export const newPassword = (): string => randomBytes(15).toString('base64url')

/** Signs in and keeps the token. */
export async function signIn(story: Story, name: string, address: string, password: string): Promise<Person> {
  const { body } = await story.ask(name, 'signs in', 'POST', '/v1/sessions', { status: 201 }, { body: { address, password } })
  return { name, address, password, token: body?.accessToken }
}

export async function firstAdmin(story: Story, server: DemoServer): Promise<Person> {
  const name = 'Ada (admin)'
  const address = 'ada@provider.example'
  const password = newPassword()
  const body = { token: server.bootstrapToken, name, address, password }
  await story.ask(
    name,
    'becomes the first admin with the token the first start printed',
    'POST',
    '/v1/bootstrap',
    { status: 201 },
    { body },
  )
  return signIn(story, name, address, password)
}

/** Accepts a mailed invitation as a new person: the mail proves the address. */
export async function accept(story: Story, server: DemoServer, name: string, address: string): Promise<Person> {
  const password = newPassword()
  const token = await server.secretMailedTo(address)
  const body = { token, name, password }
  await story.ask(name, 'accepts the mailed invitation and becomes a user', 'POST', '/v1/invitations/accept', { status: 201 }, { body })
  return signIn(story, name, address, password)
}

/** Signs up by himself: nobody's contact, nobody's developer. */
export async function signUp(story: Story, server: DemoServer, name: string, address: string): Promise<Person> {
  const password = newPassword()
  await story.ask(name, 'signs up', 'POST', '/v1/users', { status: 202 }, { body: { name, address, password } })
  const token = await server.secretMailedTo(address)
  await story.ask(
    name,
    'proves the address with the mailed token',
    'POST',
    '/v1/users/proofs',
    { status: 201 },
    { body: { token, password } },
  )
  return signIn(story, name, address, password)
}
