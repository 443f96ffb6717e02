/**
 * The service's signing keys: made on the first start, kept sealed in the database, published as a JWK set. EdDSA (Ed25519).
 */
import { isNull, sql } from 'drizzle-orm'
import { exportJWK, exportPKCS8, exportSPKI, generateKeyPair, importJWK, importPKCS8, type JWK, SignJWT } from 'jose'
import { v7 as uuid } from 'uuid'
import type { Database } from '../database/open.ts'
import { open, seal } from '../database/secrets.ts'
import { signingKeys } from '../database/tables.ts'

/** RFC 9068 access token claims; instants in seconds. */
export type AccessClaims = { sub: string; sid: string; iat: number; exp: number; auth_time: number; amr: string[] }

export type Keys = {
  /** Signs an access token (`typ: at+jwt`) with the newest key. */
  sign(claims: AccessClaims): Promise<string>
  /** The public key of a `kid` in PEM; undefined when it is unknown or removed. */
  publicPem(kid: string): string | undefined
  /** RFC 7517. */
  jwks(): { keys: JWK[] }
}

const algorithm = 'EdDSA'
const lockName = 'mandate.signing_keys'

/** Loads the keys, making the first one when there is none. `sealKey` protects private keys at rest; `now` is epoch ms. */
export async function openKeys(db: Database, sealKey: Buffer, issuer: string, now: number): Promise<Keys> {
  const rows = await db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${lockName}, 0))`)
    const found = await tx.select().from(signingKeys).where(isNull(signingKeys.removedAt)).orderBy(signingKeys.createdAt, signingKeys.kid)
    return found.length > 0 ? found : [await makeKey(tx, sealKey, now)]
  })
  const newest = rows[rows.length - 1] as (typeof rows)[number]
  const privateKey = await importPKCS8(open(sealKey, newest.sealedPrivateKey).toString('utf8'), algorithm)
  const pems = new Map(await Promise.all(rows.map(async (row) => [row.kid, await toPem(row.publicKey)] as const)))
  return {
    sign: (claims) =>
      new SignJWT({ ...claims, client_id: 'mandate', scope: '' })
        .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: newest.kid })
        .setIssuer(issuer)
        .setAudience(issuer)
        .setJti(uuid())
        .sign(privateKey),
    publicPem: (kid) => pems.get(kid),
    jwks: () => ({ keys: rows.map((row) => row.publicKey as JWK) }),
  }
}

async function makeKey(tx: Database, sealKey: Buffer, now: number) {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { crv: 'Ed25519', extractable: true })
  const kid = uuid()
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: algorithm }
  const sealedPrivateKey = seal(sealKey, Buffer.from(await exportPKCS8(privateKey)))
  const rows = await tx
    .insert(signingKeys)
    .values({ kid, algorithm, publicKey: jwk, sealedPrivateKey, createdAt: new Date(now) })
    .returning()
  return rows[0] as (typeof rows)[number]
}

async function toPem(jwk: Record<string, unknown>): Promise<string> {
  return exportSPKI((await importJWK(jwk as JWK, algorithm)) as Parameters<typeof exportSPKI>[0])
}
