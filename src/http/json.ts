import { type FieldError, invalid, Problem } from '../problem.ts'
import { pointerTo, quoted } from './pointer.ts'

const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const backslash = 0x5c
const depthMax = 32
const offencesMax = 20
const plainForm = /[^"\\\0-\x1f]*/y
const numberForm = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const hexForm = /[0-9a-fA-F]{4}/y
const simpleEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/**
 * Reads one JSON text (RFC 8259), stricter than `JSON.parse`: a name may stand only once in an object (I-JSON, RFC 7493, section
 * 2.3; two readers that disagree on which one counts disagree on what was allowed), nothing that reaches for a prototype, at most
 * 32 levels, and no text the database cannot keep. Takes time linear in the length of the text.
 * @throws Problem `malformed_request`, saying where; `validation_error` with code `text` for NUL and unpaired surrogates.
 */
export function readJson(text: string): unknown {
  return new Reader(text).document()
}

class Reader {
  readonly #text: string
  /** Names and indices that lead to the value being read; what lies beyond `#depth` is of the past. */
  readonly #path: (string | number)[] = []
  readonly #offences: FieldError[] = []
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): unknown {
    const value = this.#value()
    if (!Number.isNaN(this.#next())) throw this.#unexpected()
    if (this.#offences.length > 0) throw invalid(...this.#offences)
    return value
  }

  #value(): unknown {
    switch (this.#next()) {
      case openBrace:
        return this.#object()
      case openBracket:
        return this.#array()
      case quote:
        return this.#string(this.#depth)
      case 0x74:
        return this.#word('true', true)
      case 0x66:
        return this.#word('false', false)
      case 0x6e:
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    this.#enter()
    if (!this.#takes(closeBrace)) {
      do {
        if (this.#next() !== quote) throw this.#unexpected()
        const name = this.#name(object)
        if (!this.#takes(colon)) throw this.#unexpected()
        this.#path[this.#depth - 1] = name
        object[name] = this.#value()
      } while (this.#takes(comma))
      if (!this.#takes(closeBrace)) throw this.#unexpected()
    }
    this.#depth--
    return object
  }

  #array(): unknown[] {
    const array: unknown[] = []
    this.#enter()
    if (!this.#takes(closeBracket)) {
      do {
        this.#path[this.#depth - 1] = array.length
        array.push(this.#value())
      } while (this.#takes(comma))
      if (!this.#takes(closeBracket)) throw this.#unexpected()
    }
    this.#depth--
    return array
  }

  #enter(): void {
    this.#at++
    this.#depth++
    if (this.#depth > depthMax) throw this.#malformed(`it is nested deeper than ${depthMax} levels`)
  }

  /** The name of a member, compared after its escapes are resolved: `"a"` and `"\u0061"` are one name. */
  #name(object: object): string {
    const start = this.#at
    const name = this.#string(this.#depth - 1)
    const poisonous = name === '__proto__' || (name === 'prototype' && this.#path[this.#depth - 2] === 'constructor')
    if (!poisonous && !Object.hasOwn(object, name)) return name
    this.#at = start
    throw this.#malformed(`the name ${quoted(name)} ${poisonous ? 'is not allowed' : 'stands twice in one object'}`)
  }

  /** `pathLength`: how much of the path leads to the string, or for a name to its object. */
  #string(pathLength: number): string {
    this.#at++
    let value = this.#plain()
    let code = this.#text.charCodeAt(this.#at)
    if (code === quote) {
      this.#at++
      return value
    }
    for (; code === backslash; code = this.#text.charCodeAt(this.#at)) value += this.#escape() + this.#plain()
    if (code !== quote) throw this.#unexpected()
    this.#at++
    // The text itself is valid UTF-8 without bare control characters, so only escapes can bring these in.
    if (value.includes('\0') || !value.isWellFormed()) this.#offend(pathLength)
    return value
  }

  #plain(): string {
    plainForm.lastIndex = this.#at
    plainForm.test(this.#text)
    const plain = this.#text.slice(this.#at, plainForm.lastIndex)
    this.#at = plainForm.lastIndex
    return plain
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? ''
    const simple = simpleEscapes[letter]
    if (simple !== undefined) {
      this.#at += 2
      return simple
    }
    hexForm.lastIndex = this.#at + 2
    const hex = letter === 'u' ? hexForm.exec(this.#text)?.[0] : undefined
    if (hex === undefined) throw this.#malformed('a broken escape')
    this.#at += 6
    return String.fromCharCode(Number.parseInt(hex, 16))
  }

  #number(): number {
    numberForm.lastIndex = this.#at
    if (!numberForm.test(this.#text)) throw this.#unexpected()
    const digits = this.#text.slice(this.#at, numberForm.lastIndex)
    this.#at = numberForm.lastIndex
    return Number(digits)
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected()
    this.#at += word.length
    return value
  }

  #takes(code: number): boolean {
    if (this.#next() !== code) return false
    this.#at++
    return true
  }

  /** Skips blanks and looks at the character behind them; NaN at the end of the text. */
  #next(): number {
    let code = this.#text.charCodeAt(this.#at)
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = this.#text.charCodeAt(++this.#at)
    return code
  }

  #offend(pathLength: number): void {
    if (this.#offences.length === offencesMax) return
    const pointer = pointerTo(this.#path.slice(0, pathLength))
    this.#offences.push({ pointer, detail: 'must not contain a NUL character or an unpaired surrogate', code: 'text' })
  }

  #unexpected(): Problem {
    return this.#malformed(this.#at < this.#text.length ? 'an unexpected character' : 'it ends too early')
  }

  #malformed(what: string): Problem {
    const before = this.#text.slice(0, this.#at)
    const line = before.split('\n').length
    const column = this.#at - before.lastIndexOf('\n')
    return new Problem('malformed_request', { detail: `The body is not acceptable JSON: ${what} (line ${line}, column ${column})` })
  }
}
