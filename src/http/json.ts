import { type FieldError, invalid } from '../problem.ts'
import { JsonScanner } from './json-scanner.ts'
import { pointerTo, quoted } from './pointer.ts'

const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const depthMax = 32
const offencesMax = 20

/**
 * Reads one JSON text (RFC 8259), stricter than `JSON.parse`: a name may stand only once in an object (I-JSON, RFC 7493, section
 * 2.3; two readers that disagree on which one counts disagree on what was allowed), nothing that reaches for a prototype, at most
 * 32 levels, and no text the database cannot keep. Takes time linear in the length of the text.
 * @throws Problem `malformed_request`, saying where; `validation_error` with code `text` for NUL and unpaired surrogates.
 */
export function readJson(text: string): unknown {
  return new Reader(text).document()
}

class Reader extends JsonScanner {
  /** Names and indices that lead to the value being read; what lies beyond `#depth` is of the past. */
  readonly #path: (string | number)[] = []
  readonly #offences: FieldError[] = []
  /** Without escapes no string has what its text has not, and there no NUL may stand as it is. */
  readonly #isKeepable: boolean
  #depth = 0

  constructor(text: string) {
    super(text)
    this.#isKeepable = !text.includes('\\') && text.isWellFormed()
  }

  document(): unknown {
    const value = this.#value()
    if (!Number.isNaN(this.next())) throw this.unexpected()
    if (this.#offences.length > 0) throw invalid(...this.#offences)
    return value
  }

  #value(): unknown {
    switch (this.next()) {
      case openBrace:
        return this.#object()
      case openBracket:
        return this.#array()
      case quote:
        return this.#keepable(this.text(), this.#depth)
      case 0x74:
        return this.word('true', true)
      case 0x66:
        return this.word('false', false)
      case 0x6e:
        return this.word('null', null)
      default:
        return this.number()
    }
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    this.#enter()
    if (!this.takes(closeBrace)) {
      do {
        if (this.next() !== quote) throw this.unexpected()
        const name = this.#name(object)
        if (!this.takes(colon)) throw this.unexpected()
        this.#path[this.#depth - 1] = name
        object[name] = this.#value()
      } while (this.takes(comma))
      if (!this.takes(closeBrace)) throw this.unexpected()
    }
    this.#depth--
    return object
  }

  #array(): unknown[] {
    const array: unknown[] = []
    this.#enter()
    if (!this.takes(closeBracket)) {
      do {
        this.#path[this.#depth - 1] = array.length
        array.push(this.#value())
      } while (this.takes(comma))
      if (!this.takes(closeBracket)) throw this.unexpected()
    }
    this.#depth--
    return array
  }

  #enter(): void {
    this.at++
    this.#depth++
    if (this.#depth > depthMax) throw this.malformed(`it is nested deeper than ${depthMax} levels`)
  }

  /** The name of a member, compared after its escapes are resolved: `"a"` and `"\u0061"` are one name. */
  #name(object: object): string {
    const start = this.at
    const name = this.#keepable(this.text(), this.#depth - 1)
    const poisonous = name === '__proto__' || (name === 'prototype' && this.#path[this.#depth - 2] === 'constructor')
    if (!poisonous && !Object.hasOwn(object, name)) return name
    this.at = start
    throw this.malformed(`the name ${quoted(name)} ${poisonous ? 'is not allowed' : 'stands twice in one object'}`)
  }

  /** Notes text that cannot be kept, by the part of the path that leads to it; for a name, to its object. */
  #keepable(text: string, pathLength: number): string {
    if (this.#isKeepable) return text
    if ((text.includes('\0') || !text.isWellFormed()) && this.#offences.length < offencesMax) {
      const pointer = pointerTo(this.#path.slice(0, pathLength))
      this.#offences.push({ pointer, detail: 'must not contain a NUL character or an unpaired surrogate', code: 'text' })
    }
    return text
  }
}
