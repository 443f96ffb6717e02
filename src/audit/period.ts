import { invalid } from '../problem.ts'

/** The instants that a query names. */
export function periodOf({ from, to }: { from?: string; to?: string }): { from: Date | undefined; to: Date | undefined } {
  return { from: instantIn('from', from), to: instantIn('to', to) }
}

/** RFC 3339 knows a 61st second, which nothing here can keep. */
function instantIn(parameter: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) throw invalid({ parameter, in: 'query', detail: 'must not be a leap second', code: 'format' })
  return at
}
