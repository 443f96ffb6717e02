/** Merkle trees as in RFC 6962, section 2.1: a leaf can never be taken for a node, nor one list of leaves for another. */
import { createHash } from 'node:crypto'

const leafPrefix = Buffer.of(0)
const nodePrefix = Buffer.of(1)

export function leafHash(bytes: Uint8Array | string): Buffer {
  return createHash('sha256').update(leafPrefix).update(bytes).digest()
}

const nodeHash = (left: Buffer, right: Buffer): Buffer => createHash('sha256').update(nodePrefix).update(left).update(right).digest()

/** A tree that is fed its leaves one by one and keeps no more than the roots of its full subtrees. */
export class MerkleTree {
  #size = 0
  readonly #full: Buffer[] = []

  /** Adds the next leaf, by the hash that `leafHash` gave. */
  add(leaf: Buffer): void {
    let node = leaf
    for (let count = this.#size; count % 2 === 1; count = (count - 1) / 2) node = nodeHash(this.#full.pop() as Buffer, node)
    this.#full.push(node)
    this.#size++
  }

  /** The root of the leaves so far; of none it is the hash of nothing. */
  root(): Buffer {
    const [last, ...rest] = this.#full.toReversed()
    if (last === undefined) return createHash('sha256').digest()
    return rest.reduce((right, left) => nodeHash(left, right), last)
  }
}
