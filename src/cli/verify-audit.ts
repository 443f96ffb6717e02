import type { Context } from '../authority/context.ts'
import { StartError } from '../config.ts'
import { type Proof, verifyJournal } from '../journal/verify.ts'

const secondsBetweenLines = 5

/** Proves the audit trail and says what was proven; on the way a line now and then, since a long one takes its time. */
export async function verifyAudit({ db, clock }: Context, head: string | undefined, tell: (line: string) => unknown): Promise<string> {
  if (head !== undefined && !/^[0-9a-f]{64}$/.test(head)) {
    throw new StartError('A head hash has 64 characters, 0 to 9 and a to f, as this command prints it.')
  }
  let next = clock.now() + secondsBetweenLines * 1000
  const progress = ({ seals, lastPosition }: Proof): void => {
    if (clock.now() < next) return
    next = clock.now() + secondsBetweenLines * 1000
    tell(`… ${seals} seals, position ${lastPosition}\n`)
  }
  return sentence(await verifyJournal(db, { head, progress }))
}

function sentence({ events, seals, head, lastPosition, values, expectedSeal, unsealed }: Proof): string {
  const waiting = `${unsealed} events wait for their seal.`
  if (head === null) return `Nothing is sealed yet; ${waiting}`
  return [
    `The audit trail is whole: ${events} events at the positions 1 to ${lastPosition}, in ${seals} seals; ${waiting}`,
    `Of their values ${values.kept} are kept and match, ${values.erased} were erased.`,
    ...(expectedSeal === null ? [] : [`The expected head is that of seal ${expectedSeal}.`]),
    `Head hash: ${head}`,
  ].join('\n')
}
