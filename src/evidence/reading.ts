/**
 * What reading one field of evidence gives: the form to store, or the one fault that stands in the way. `at` is a JSON pointer
 * below the field (`''` is the field itself), `detail` completes a sentence that begins with the field's name.
 */
export type Reading<T> = { value: T } | { fault: Fault }
export type Fault = { at: string; detail: string; code: string }

/** What a field may need to know to be read: the ticket's domain (an A-label; null: not about a domain) and the time (epoch, ms). */
export type Context = { domain: string | null; now: number }

export function fault(code: string, detail: string, at = ''): { fault: Fault } {
  return { fault: { at, detail, code } }
}
