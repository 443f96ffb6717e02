/** The SQLSTATE of a failed statement, whichever driver and however deep drizzle wrapped it; undefined when it has none. */
export function sqlState(error: unknown): string | undefined {
  return find(error, 'code', /^[0-9A-Z]{5}$/)
}

/** The name of the constraint a statement broke, if it broke one. */
export function brokenConstraint(error: unknown): string | undefined {
  return find(error, 'constraint', /./)
}

function find(error: unknown, member: 'code' | 'constraint', form: RegExp): string | undefined {
  for (let current = error, depth = 0; current !== null && typeof current === 'object' && depth < 8; depth++) {
    const found = (current as Record<string, unknown>)[member]
    if (typeof found === 'string' && form.test(found)) return found
    current = (current as { cause?: unknown }).cause
  }
  return undefined
}
