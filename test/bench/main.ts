/** `npm run bench`: how fast Mandate is, as ratios to a bare server on the same machine in the same run. `--help` tells the rest. */
import { writeFileSync } from 'node:fs'
import { compare, compareSizes } from './compare.ts'
import { help, readOptions } from './options.ts'
import { type Ends, ends as endsOf, type Mode, openPlace, openServer } from './places.ts'
import { plans } from './plans.ts'
import { cpuOf, growthOf, machine, type Report, type Row, ratiosOf, rowsTable, spreadsTable } from './report.ts'
import { cold, soak } from './soak.ts'

const options = readOptions(process.argv.slice(2))
const ends = endsOf()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void ends.run().finally(() => process.exit(1)))
try {
  if (options.what === 'help') console.log(help)
  else await measure(ends)
} finally {
  await ends.run()
}

async function measure(ends: Ends): Promise<void> {
  const server = await openServer(ends)
  if (options.what === 'plans') return keep(await plans(server, options, ends))
  if (options.what === 'start' || options.what === 'soak') {
    const [mode] = options.modes as [Mode]
    const place = await openPlace(mode, server, options.sizes, options.keep, ends)
    return keep(await (options.what === 'start' ? cold(place, options, ends) : soak(place, options, ends)))
  }
  const rows: Row[] = []
  for (const mode of options.modes) rows.push(...(await compare(mode, server, options, ends)))
  const grown = options.growth ? await compareSizes(server, options, ends) : { large: [], small: [] }
  const most = Math.max(...options.connections)
  const first = rows.filter(({ mode }) => mode === options.modes[0])
  const report: Report = {
    machine: machine(),
    sizes: options.sizes,
    ratios: ratiosOf(first, most),
    growth: growthOf(grown.large, grown.small),
    cpuMicros: cpuOf(first, most),
    rows: [...rows, ...grown.small, ...grown.large],
  }
  console.log(rowsTable([...rows, ...grown.small, ...grown.large]))
  for (const mode of options.modes) {
    const ratios = ratiosOf(
      rows.filter((row) => row.mode === mode),
      most,
    )
    console.log(`\n${spreadsTable(`${mode}, ratio at ${most}`, ratios)}`)
  }
  if (options.growth) console.log(`\n${spreadsTable('p99, all rows over few (≤ 1.3)', report.growth)}`)
  keep(report)
}

function keep(report: object): void {
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
}
