/** How long a grant may last: always with an end, which is never beyond the longest life. */
import { type FieldError, invalid } from '../problem.ts'
import { instantIn } from './terms.ts'

const dayMs = 86_400_000

/** The end as it is stated, or after the default days. `from` is when it begins, `now` the present, both in epoch ms. */
export function endAfter(stated: string | undefined, now: number, daysDefault: number, daysMax: number, from = now): Date {
  const end = stated === undefined ? from + daysDefault * dayMs : instantIn('expiresAt', stated)
  const errors: FieldError[] = []
  const pointer = '#/expiresAt'
  if (end <= from) errors.push({ pointer, detail: 'must be later than now and than notBefore', code: 'too_early' })
  if (end > now + daysMax * dayMs)
    errors.push({ pointer, detail: `must be at most ${daysMax} days from now; a longer need is a new grant then`, code: 'too_late' })
  if (errors.length > 0) throw invalid(...errors)
  return new Date(end)
}
