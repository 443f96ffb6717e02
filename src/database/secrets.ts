import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Config, StartError } from '../config.ts'

/** The length of the secret and of every key made from it, in bytes. */
const keyLength = 32

/**
 * The secret of this installation, 32 bytes: `SECRET_KEY` where it is set, otherwise the data folder's `secret.key`, which the first
 * start makes. The file holds base64, so that its text can become `SECRET_KEY` when the service moves to PostgreSQL.
 * Call it only while this process holds the data folder.
 *
 * @throws StartError for a file that is damaged, unreadable, or readable by other users
 */
export function loadSecret(config: Pick<Config, 'dataDir' | 'secretKey'>): Buffer {
  if (config.secretKey !== undefined) return Buffer.from(config.secretKey, 'base64')
  const path = join(config.dataDir, 'secret.key')
  if (!existsSync(path)) makeSecret(path)
  return readSecret(path)
}

/** Whole or not at all: written beside its place, brought to the disk, then moved. */
function makeSecret(path: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = openSync(draft, 'wx', 0o600)
  writeSync(file, `${randomBytes(keyLength).toString('base64')}\n`)
  fsyncSync(file)
  closeSync(file)
  renameSync(draft, path)
}

function readSecret(path: string): Buffer {
  const othersMayRead = (statSync(path).mode & 0o077) !== 0
  if (othersMayRead) throw new StartError(`The secret key ${resolve(path)} can be read by others: make it private with chmod 600.`)
  const secret = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64')
  if (secret.length === keyLength) return secret
  throw new StartError(`The secret key ${resolve(path)} is damaged: it wants 32 bytes in base64. Restore it from a backup.`)
}

/**
 * A key for one purpose (HKDF-SHA256, RFC 5869), so that no two uses share one and none reveals the secret.
 * @param length in bytes
 */
export function deriveKey(secret: Buffer, purpose: string, length: number = keyLength): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `mandate:${purpose}`, length))
}

const nonceLength = 12
const tagLength = 16

/**
 * Encrypts and authenticates (AES-256-GCM): nonce, tag, ciphertext.
 * @param key 32 bytes, of `deriveKey`
 * @param context what the value belongs to (a key's id, say): it opens nowhere else
 */
export function seal(key: Buffer, plaintext: Buffer | string, context = ''): Buffer {
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext])
}

/**
 * The plaintext of what `seal` made with the same key and context.
 * @throws Error that says nothing of key or content when it was made with another, or has been altered
 */
export function open(key: Buffer, sealed: Buffer, context = ''): Buffer {
  try {
    const nonce = sealed.subarray(0, nonceLength)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength }).setAAD(Buffer.from(context))
    decipher.setAuthTag(sealed.subarray(nonceLength, nonceLength + tagLength))
    return Buffer.concat([decipher.update(sealed.subarray(nonceLength + tagLength)), decipher.final()])
  } catch (error) {
    throw new Error('A sealed value cannot be opened: it was altered, or SECRET_KEY is not the one that sealed it', { cause: error })
  }
}
