/** What the stream of results (TAP) of one test file says: how many assertions passed, failed and were skipped, and all about failures. */
export type Results = { passed: number; failed: number; skipped: number; readonly failures: string[]; take(line: string): void }

/** What `worker.ts` writes when a file has ended, before the seconds that its process worked. */
export const fileEnd = '# the test file has ended after'
/** The name of what it does last in each file, which is no assertion. */
export const takenDown = 'what the file set up is taken down'

export function results(): Results {
  let plan = -1
  let failing = false
  const failures: string[] = []
  return {
    passed: 0,
    failed: 0,
    skipped: 0,
    failures,
    take(line) {
      const [, indent = '', not, text = ''] = /^( *)(not )?ok \d+(.*)/.exec(line) ?? []
      const isPoint = /^ *(not )?ok /.test(line) && !text.includes(takenDown)
      // The line after a deeper plan is the sum of what was planned there, which was counted already. A test without a point counts itself.
      if (isPoint && plan <= indent.length) {
        if (/ # SKIP/i.test(text)) this.skipped++
        else if (not === undefined) this.passed++
        else this.failed++
      }
      if (line.trim() !== '') plan = /^ *1\.\.[1-9]/.test(line) ? line.search(/\d/) : -1
      if (isPoint || /^ *# Subtest|^ *1\.\./.test(line)) failing = isPoint && not !== undefined
      if (failing) failures.push(line)
    },
  }
}
