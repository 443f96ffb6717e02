import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartError } from '../config.ts'

/** SQLITE_BUSY: another connection, of this or another process, holds the lock. */
const busy = 5

/** Contenders can stand in each other's way for an instant; with a second look one of them gets the lock. */
const patienceMs = 500

export type FolderLock = {
  /** Lets the folder go. A process that dies lets go as well, whatever it died of. */
  release(): void
}

/**
 * Claims a data folder for this process. Two processes on one embedded database would overwrite each other's pages without an error.
 *
 * The claim is a lock of the operating system on `lock` in the folder, taken through SQLite because Node itself offers no file locks.
 * A file that only says "taken" would have to be judged stale or not (is this process id recycled, or in another container?), and
 * two judges could agree to take it. This lock has no stale state: the system drops it with its process, and grants it to one.
 * `lock.pid` beside it is for people, and believed by nothing.
 *
 * @param folder an existing folder
 * @throws StartError when another process holds the folder, naming that process; nothing was touched then
 */
export function lockFolder(folder: string): FolderLock {
  const note = join(folder, 'lock.pid')
  const handle = claim(folder, note)
  writeFileSync(note, `${process.pid}\n`)
  let held = true
  return {
    release: () => {
      if (!held) return
      held = false
      rmSync(note, { force: true })
      handle.close()
    },
  }
}

function claim(folder: string, note: string): DatabaseSync {
  let handle: DatabaseSync | undefined
  try {
    handle = new DatabaseSync(join(folder, 'lock'), { timeout: patienceMs })
    handle.exec('pragma journal_mode = memory; begin exclusive') // nothing is ever committed, so no journal is left behind
    return handle
  } catch (error) {
    handle?.close()
    if ((error as { errcode?: number }).errcode === busy) throw new StartError(inUse(folder, note), { cause: error })
    throw new StartError(`The data folder ${resolve(folder)} cannot be locked: ${(error as Error).message}.`, { cause: error })
  }
}

function inUse(folder: string, note: string): string {
  const holder = holderIn(note)
  return `The data folder ${resolve(folder)} is in use by ${holder}: stop that one, or set DATA_DIR to another folder.`
}

/** For the message only: the note may be missing for an instant while the holder writes it. */
function holderIn(note: string): string {
  try {
    const pid = Number.parseInt(readFileSync(note, 'utf8'), 10)
    if (pid > 0) return `process ${pid}`
  } catch {}
  return 'another process'
}
