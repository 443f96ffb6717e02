/**
 * The keys that clients publish by themselves (RFC 7517, section 5), read from addresses the operator has allowed and from no other: no
 * client, and no admin, makes this service ask where it should not. Kept for minutes; a key that is new to us is looked for at once.
 */
import type { JWK } from 'jose'
import type { Log } from '../database/open.ts'
import { Problem } from '../problem.ts'
import { readJson } from './json.ts'

/** The keys at an address cannot be read at present. `former` are those that were there last: they prove nothing any more. */
export class KeySetUnread extends Problem {
  readonly former: readonly JWK[]

  constructor(former: readonly JWK[]) {
    super('unavailable', { detail: 'The keys of this client cannot be read', headers: { 'retry-after': '10' } })
    this.former = former
  }
}

/** The keys at an address, none for one that is not allowed; `kid` is the one that is wanted. @throws KeySetUnread */
export type KeySets = (url: string, kid: unknown) => Promise<readonly JWK[]>

/** In milliseconds: how long a set is believed, how long nobody asks again, nor the log says so again, and how long an answer is waited for. */
const freshMs = 300_000
const pauseMs = 10_000
const silenceMs = 60_000
const timeoutMs = 2_000
const bytesMax = 65_536

type Usable = (set: unknown) => Promise<readonly JWK[]>
type Kept = { keys: readonly JWK[]; readAt: number; askedAt: number; toldAt: number }

const never = Number.NEGATIVE_INFINITY
const nothing: Kept = { keys: [], readAt: never, askedAt: never, toldAt: never }

type Options = { allowed: readonly string[]; usable: Usable; log: Pick<Log, 'warn'>; now?: () => number }

/** `usable` are the keys of a set that count; it throws for what is no set. `now` in milliseconds, of a clock that never goes back. */
export function createKeySets({ allowed, usable, log, now = () => performance.now() }: Options): KeySets {
  const kept = new Map<string, Kept>()
  const asking = new Map<string, Promise<void>>()

  /** However many want it, one asks. What cannot be read leaves what was read before, for as long as that is believed. */
  async function ask(url: string): Promise<void> {
    const last = kept.get(url) ?? nothing
    kept.set(url, { ...last, askedAt: now() })
    try {
      const keys = await usable(await fetchSet(url))
      kept.set(url, { ...last, keys, readAt: now(), askedAt: now() })
    } catch (error) {
      if (now() - last.toldAt >= silenceMs) {
        kept.set(url, { ...last, askedAt: now(), toldAt: now() })
        log.warn({ url, reason: (error as Error).message }, 'the keys that a client publishes cannot be read')
      }
    }
    asking.delete(url)
  }

  return async (url, kid) => {
    if (!allowed.includes(url)) return []
    const isFresh = ({ readAt }: Kept): boolean => now() - readAt < freshMs
    const last = kept.get(url) ?? nothing
    if (isFresh(last) && last.keys.some((key) => key.kid === kid)) return last.keys
    if (asking.has(url) || now() - last.askedAt >= pauseMs) {
      if (!asking.has(url)) asking.set(url, ask(url))
      await asking.get(url)
    }
    // Whoever was never asked has been asked by now.
    const found = kept.get(url) as Kept
    if (!isFresh(found)) throw new KeySetUnread(found.keys)
    return found.keys
  }
}

/** Nothing is followed, and nothing long or late is waited for. */
async function fetchSet(url: string): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs)
  const { ok, body } = await fetch(url, { redirect: 'error', signal, headers: { accept: 'application/jwk-set+json, application/json' } })
  if (!ok || body === null) throw new Error('no key set')
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new Error('too long')
    chunks.push(chunk)
  }
  return readJson(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
}
