import { isIPv6 } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'

export type RateLimitOptions = {
  /** Requests per window and caller; 600 when not given. */
  quota?: number
  /** 60 when not given. */
  windowSeconds?: number
  /** Milliseconds since the epoch. */
  now: () => number
  /** Callers remembered at once; 50,000 when not given. */
  callersMax?: number
}

export type RateLimit = {
  /**
   * Counts a request and puts the state of its quota on the reply (draft-ietf-httpapi-ratelimit-headers). `caller` is the user or
   * client once he is known; until then, and where nobody is, the network the request came from is counted, so that the failures of
   * others never eat a user's quota.
   * @throws Problem `quota_exceeded` with `Retry-After`.
   */
  charge(request: FastifyRequest, reply: FastifyReply, caller?: string): void
}

type Window = { endsAt: number; used: number }

/** Fixed windows per caller, in this process only; what must hold across processes is counted in the database. */
export function createRateLimit({ quota = 600, windowSeconds = 60, now, callersMax = 50_000 }: RateLimitOptions): RateLimit {
  // All windows are equally long and a window's start puts it at the end, so the first one ends first.
  const windows = new Map<string, Window>()

  function windowOf(key: string, time: number): Window {
    const window = windows.get(key)
    // A window that ends later than one that begins now was made before the clock was put back.
    if (window !== undefined && window.endsAt > time && window.endsAt <= time + windowSeconds * 1000) return window
    windows.delete(key)
    const fresh = { endsAt: time + windowSeconds * 1000, used: 0 }
    windows.set(key, fresh)
    forget(time)
    return fresh
  }

  function forget(time: number): void {
    for (const [key, { endsAt }] of windows) {
      if (endsAt > time && windows.size <= callersMax) break
      windows.delete(key)
    }
  }

  return {
    charge(request, reply, caller = `network:${networkOf(request.ip)}`) {
      const time = now()
      const window = windowOf(caller, time)
      const seconds = Math.ceil((window.endsAt - time) / 1000)
      window.used++
      reply.headers({
        'ratelimit-policy': `"default";q=${quota};w=${windowSeconds}`,
        ratelimit: `"default";r=${Math.max(0, quota - window.used)};t=${seconds}`,
      })
      if (window.used > quota) throw new Problem('quota_exceeded', { headers: { 'retry-after': String(seconds) } })
    },
  }
}

/** The network an address is counted as: an IPv4 address for itself, an IPv6 address for its /64, which is what one customer gets. */
export function networkOf(address: string | undefined): string {
  const [plain = ''] = (address ?? '').split('%')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1]
  if (mapped !== undefined || !isIPv6(plain)) return mapped ?? plain
  const [left = '', right] = plain.split('::')
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  const groups = [...head, ...zeros, ...tail].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
