import type { Config } from '../config.ts'
import type { Log } from '../database/open.ts'
import { smtpTransport } from './smtp.ts'
import { folderTransport, type MailTransport } from './transport.ts'

/** The configured way for mail: to the mail server, or into files. */
export function chooseTransport(config: Pick<Config, 'smtpUrl' | 'mailFrom' | 'dataDir'>, log: Log): MailTransport {
  const { smtpUrl, mailFrom } = config
  return smtpUrl === undefined ? folderTransport(config, log) : smtpTransport(smtpUrl, mailFrom)
}
