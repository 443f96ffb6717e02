/** The commands for whoever runs the service, at the machine it runs on. */
import { parseArgs } from 'node:util'
import { StartError } from '../config.ts'
import type { Asking } from './ask.ts'
import { createAdmin } from './create-admin.ts'
import { endAllSessions } from './end-sessions.ts'
import { exportAudit } from './export-audit.ts'
import { sentenceOf } from './failure.ts'
import { prepareJobs, withDatabase } from './open.ts'
import { rotateKey } from './rotate-key.ts'
import { verifyAudit } from './verify-audit.ts'

/** What a command needs of its process. Answers are asked for on standard error, so that standard output has the result alone. */
export type Surroundings = {
  env: Readonly<Record<string, string | undefined>>
  stdin: Asking['input']
  stdout: { write(text: string): unknown }
  stderr: Asking['output']
}

type Command = {
  summary: string
  options: Record<string, { type: 'string' }>
  /** Returns the sentence about what was done. */
  run(values: Readonly<Record<string, string | undefined>>, surroundings: Surroundings): Promise<string>
}

const commands: Record<string, Command> = {
  'admin:create': {
    summary: 'makes an admin, or lets a lost one in again; asks for name, address and password, or reads them as lines',
    options: {},
    run: (_values, { env, stdin, stderr }) => withDatabase(env, (context) => createAdmin(context, { input: stdin, output: stderr })),
  },
  'session:end-all': {
    summary: 'ends all sessions and personal access tokens; of one user with --user ADDRESS',
    options: { user: { type: 'string' } },
    run: ({ user }, { env }) => withDatabase(env, (context) => endAllSessions(context, user)),
  },
  'key:rotate': {
    summary: 'makes a new signing key; what the others signed stays good until they are removed',
    options: {},
    run: (_values, { env }) => withDatabase(env, rotateKey),
  },
  migrate: {
    summary: 'brings the database to the schema of this version; for a role of its own that may, see docs/operations.md',
    options: {},
    run: (_values, { env }) => withDatabase(env, prepareJobs),
  },
  'audit:verify': {
    summary: 'proves that the audit trail is as it was sealed; with --head HASH also that it continues an earlier one',
    options: { head: { type: 'string' } },
    run: ({ head }, { env, stderr }) => withDatabase(env, (context) => verifyAudit(context, head, (line) => stderr.write(line))),
  },
  'audit:export': {
    summary: 'writes the audit trail as lines of JSON, oldest first; of one account with --account NUMBER',
    options: { account: { type: 'string' } },
    run: ({ account }, { env, stdout }) => withDatabase(env, (context) => exportAudit(context, account, stdout)),
  },
  help: {
    summary: 'says this',
    options: {},
    run: async () => help(),
  },
}

/** Runs one command and returns its exit code. Whatever goes wrong is told in one sentence, which never holds a secret. */
export async function runCommand([name = 'help', ...args]: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined) throw new StartError('There is no such command: `npm run mandate -- help` names them all.')
    surroundings.stdout.write(`${await command.run(valuesIn(args, command), surroundings)}\n`)
    return 0
  } catch (error) {
    surroundings.stderr.write(`${sentenceOf(error)}\n`)
    return 1
  }
}

/** What is not understood is not repeated either: it could be a password in the wrong place. */
function valuesIn(args: string[], { options }: Command): Record<string, string | undefined> {
  try {
    return parseArgs({ args, options }).values
  } catch {
    throw new StartError('These arguments are not understood: `npm run mandate -- help` tells what each command takes.')
  }
}

function help(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return ['npm run mandate -- COMMAND', '', ...lines, '', 'Settings are those of the service: docs/configuration.md.'].join('\n')
}
