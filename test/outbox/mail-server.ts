/** A real mail server on this machine, for one test. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import PostalMime from 'postal-mime'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Test } from 'tap'

export type Received = {
  from: string
  to: string[]
  tls: boolean
  user: unknown
  raw: string
  mail: Awaited<ReturnType<typeof PostalMime.parse>>
}
export type MailServer = {
  port: number
  received: Received[]
  /** What it answers to the next commands of this name, as code and text, instead of taking them. */
  answers: Partial<Record<'MAIL FROM' | 'RCPT TO' | 'DATA', string>>
}

const password = 'pa:ss/w%rd@1'
export const login = { user: 'mandate@relay', password, inUrl: `mandate%40relay:${encodeURIComponent(password)}` }

/** The refusal with an answer's code. */
function refusal(answer: string): Error {
  const [, code, text] = /^(\d{3}) (.*)$/.exec(answer) ?? []
  return Object.assign(new Error(text), { responseCode: Number(code) })
}

/** Starts one; everything is taken unless told otherwise. It has a certificate that nobody vouches for. */
export async function mailServer(t: Pick<Test, 'teardown'>, options: SMTPServerOptions = {}): Promise<MailServer> {
  const received: Received[] = []
  const answers: MailServer['answers'] = {}
  const answer = (command: keyof typeof answers) => (answers[command] === undefined ? undefined : refusal(answers[command]))
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    closeTimeout: 100,
    onAuth: ({ username, password: given }, _session, done) =>
      username === login.user && given === login.password ? done(null, { user: username }) : done(new Error(`no such login as ${given}`)),
    onMailFrom: (_address, _session, done) => done(answer('MAIL FROM')),
    onRcptTo: (_address, _session, done) => done(answer('RCPT TO')),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        const error = answer('DATA')
        if (error !== undefined) return done(error)
        const raw = Buffer.concat(chunks).toString()
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom === false ? '' : mailFrom.address
        const to = rcptTo.map(({ address }) => address)
        received.push({ from, to, tls: session.secure, user: session.user, raw, mail: await PostalMime.parse(raw) })
        done(null)
      })
    },
    ...options,
  })
  server.on('error', () => {})
  server.listen(0, '0.0.0.0')
  await once(server.server, 'listening')
  t.teardown(() => new Promise<void>((resolve) => server.close(resolve)))
  return { port: (server.server.address() as AddressInfo).port, received, answers }
}

/** Something that accepts connections and says `greeting`, or nothing at all. */
export async function oddServer(t: Pick<Test, 'teardown'>, greeting?: string): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {})
    if (greeting !== undefined) socket.write(greeting)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}
