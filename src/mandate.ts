/** The process of the command line: one command, one sentence about it, one exit code. */
import { runCommand } from './cli/run.ts'

process.exitCode = await runCommand(process.argv.slice(2), process)
