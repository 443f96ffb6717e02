/**
 * Mail by SMTP (RFC 5321), to a server that relays it. What a server or the way to it says is told by its codes only: its words name the
 * recipient.
 */
import { createTransport } from 'nodemailer'
import { type MailTransport, machineHeaders, Undeliverable } from './transport.ts'

/** How long each step may take, in ms: all of them together are less than a job may. */
const patience = { dnsTimeout: 10_000, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 }

/**
 * Hands each mail to the server of `url` (the setting `SMTP_URL`), which gets its bounces: the return path is the address in `mailFrom`.
 * @throws Undeliverable when the recipient or the mail was refused for good; Error for everything that may pass
 */
export function smtpTransport(url: string, mailFrom: string, timeouts: Partial<typeof patience> = {}): MailTransport {
  const sender = createTransport({ ...serverOf(new URL(url)), ...patience, ...timeouts, disableFileAccess: true, disableUrlAccess: true })
  return {
    async send({ to, subject, text, at }) {
      const recipient = { name: '', address: to }
      const mail = { from: mailFrom, to: recipient, subject, text, date: new Date(at), headers: machineHeaders }
      await sender.sendMail(mail).catch((error: Failure) => {
        throw explained(error)
      })
    },
  }
}

function serverOf(url: URL) {
  const { protocol, hostname, port, username, password, searchParams } = url
  const secure = protocol === 'smtps:'
  const isHere = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i.test(hostname)
  const strict = searchParams.get('requireTls') === 'true' || (!isHere && searchParams.get('requireTls') !== 'false')
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTLS: strict,
    // Where TLS is not required it is still used when offered. Whoever could show a wrong certificate there could as well hide the offer.
    tls: { rejectUnauthorized: strict },
    ...(username === '' ? {} : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
  }
}

type Failure = Error & { response?: string; command?: string }

/** What came of one recipient and his mail; everything before that is about us and the server. */
const aboutThisMail = ['RCPT TO', 'DATA']

function explained({ message, response, command = '' }: Failure): Error {
  if (response === undefined) return new Error(`the mail server could not be used: ${message}`)
  const [codes] = /^\d{3}(?:[ -][245]\.\d{1,3}\.\d{1,3})?/.exec(response) ?? ['no code of SMTP']
  const told = `the mail server answered ${codes} at ${command}`
  return codes.startsWith('5') && aboutThisMail.includes(command) ? new Undeliverable(told) : new Error(told)
}
