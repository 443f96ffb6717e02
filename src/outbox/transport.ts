/**
 * How mail leaves. Here it is put into a folder, one file per mail, for people to read or another program to send; `smtp.ts` hands it
 * to a mail server instead.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import type { Config } from '../config.ts'
import type { Log } from '../database/open.ts'

/** One mail to one recipient. `at` is its date, epoch ms. */
export type Mail = { to: string; subject: string; text: string; at: number }

/**
 * Takes a mail or throws; what it took, it sends once. What it threw may be tried again, except with `Undeliverable`.
 */
export type MailTransport = { send(mail: Mail): Promise<void> }

/** The mail was refused for good: the same mail would be refused again. Its message names nobody. */
export class Undeliverable extends Error {}

/** Headers that keep other machines from answering ours (RFC 3834, section 5). */
export const machineHeaders = { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' }

/** Of a file, the null return path for the same reason: a bounce of it goes to nobody, so none can be forged into a loop. */
const fileHeaders = { 'Return-Path': '<>', ...machineHeaders }

/**
 * Writes each mail to `mail/` in the data folder as an `.eml` file (RFC 5322), readable for this user only: most hold a secret. The log
 * names the file, never what is in it or whom it is for.
 */
export function folderTransport({ dataDir, mailFrom }: Pick<Config, 'dataDir' | 'mailFrom'>, log: Log): MailTransport {
  const folder = join(dataDir, 'mail')
  const composer = createTransport({ streamTransport: true, buffer: true, disableFileAccess: true, disableUrlAccess: true })
  return {
    async send({ to, subject, text, at }) {
      const date = new Date(at)
      const lines = text.replaceAll('\n', '\r\n') // or quoted-printable folds wherever it likes, in the middle of a token, too
      const { message } = await composer.sendMail({ from: mailFrom, to, subject, text: lines, date, headers: fileHeaders })
      const name = `${date.toISOString().replaceAll(':', '')}-${randomBytes(6).toString('hex')}.eml`
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await write(folder, name, message as Buffer)
      log.info({ mail: name }, 'a mail was written')
    },
  }
}

/** Whole or not at all: written beside its place, brought to the disk, then moved. */
async function write(folder: string, name: string, message: Buffer): Promise<void> {
  const draft = join(folder, `.${name}.draft`)
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(message)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, join(folder, name))
}
