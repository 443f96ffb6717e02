import { Problem } from '../problem.ts'

/** SQLSTATEs of PostgreSQL (appendix A of its manual); unlike Node's codes they begin with one of these classes. */
const stateForm = /^(?:\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/
const networkForm = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/
/** What pg and its pool say, in an error without a code, when there is no connection to be had. */
const lostForm =
  /^(?:timeout exceeded when trying to connect|Connection terminated|Client (?:has|was)|Cannot use a pool|Query read timeout)/i

/**
 * The problem behind an error of the database or of the way to it; undefined when the error is none of these. Never carries the
 * database's words: they hold values of other rows.
 */
export function databaseProblem(error: unknown): Problem | undefined {
  const causes = chainOf(error)
  const state = causes.map(codeOf).find((code) => stateForm.test(code))
  if (state !== undefined) return problemOfState(state, error)
  const lost = causes.some((cause) => networkForm.test(codeOf(cause)) || lostForm.test(textOf(cause)))
  // After a lost connection drizzle reports a failed query, often the rollback, whose cause has no SQLSTATE or is absent.
  return lost || isQueryError(error) ? new Problem('unavailable', { cause: error }) : undefined
}

/** An error of a query, so that a log shows the statement but none of its values. */
export function isQueryError(error: unknown): error is Error & { query: string } {
  return error instanceof Error && typeof (error as { query?: unknown }).query === 'string'
}

/** The error and its causes, outermost first. */
export function chainOf(error: unknown): Error[] {
  const chain: Error[] = []
  for (let next = error; next instanceof Error && chain.length < 8; next = next.cause) chain.push(next)
  return chain
}

/** The SQLSTATE or Node code of one error; empty when it has none. */
export function codeOf(error: Error): string {
  return String((error as { code?: unknown }).code ?? '')
}

const soon = { 'retry-after': '1' }

function problemOfState(state: string, cause: unknown): Problem | undefined {
  switch (state) {
    case '57014': // query_canceled: statement_timeout
    case '25P04': // transaction_timeout
      return new Problem('timeout', { cause })
    case '40001': // serialization_failure
    case '40P01': // deadlock_detected
    case '55P03': // lock_not_available: lock_timeout
      return new Problem('unavailable', { cause, headers: soon })
    case '22021': // character_not_in_repertoire: NUL in text
    case '22P05': // untranslatable_character
      return new Problem('validation_error', { cause, detail: 'A text contains a character that cannot be kept' })
    case '22001': // string_data_right_truncation
    case '22003': // numeric_value_out_of_range
    case '22007': // invalid_datetime_format
    case '22008': // datetime_field_overflow
    case '22P02': // invalid_text_representation
      return new Problem('validation_error', { cause, detail: 'A value is out of the range that can be kept' })
    case '53100': // disk_full
    case '58030': // io_error
      return new Problem('insufficient_storage', { cause })
  }
  if (state.startsWith('23')) return new Problem('conflict', { cause })
  return /^(?:08|53|57P|25P03)/.test(state) ? new Problem('unavailable', { cause }) : undefined
}

const textOf = (error: Error): string => error.message
