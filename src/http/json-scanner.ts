import { Problem } from '../problem.ts'

const quote = 0x22
const backslash = 0x5c
/** What may stand in a string as it is: no quote, no backslash, no control character. */
const plainForm = /[ !#-[\]-\uffff]*/y
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

/** The words of a JSON text (RFC 8259), one after the other from `at`. All of it throws `malformed_request`, saying where. */
export class JsonScanner {
  protected at = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** Skips blanks and looks at the character behind them; NaN at the end of the text. */
  protected next(): number {
    let code = this.#text.charCodeAt(this.at)
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = this.#text.charCodeAt(++this.at)
    return code
  }

  protected takes(code: number): boolean {
    if (this.next() !== code) return false
    this.at++
    return true
  }

  protected word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.at)) throw this.unexpected()
    this.at += word.length
    return value
  }

  protected number(): number {
    numberForm.lastIndex = this.at
    if (!numberForm.test(this.#text)) throw this.unexpected()
    const digits = this.#text.slice(this.at, numberForm.lastIndex)
    this.at = numberForm.lastIndex
    return Number(digits)
  }

  /** The string that begins here, its escapes resolved. */
  protected text(): string {
    this.at++
    let value = this.#plain()
    let code = this.#text.charCodeAt(this.at)
    for (; code === backslash; code = this.#text.charCodeAt(this.at)) value += this.#escape() + this.#plain()
    if (code !== quote) throw this.unexpected()
    this.at++
    return value
  }

  protected unexpected(): Problem {
    return this.malformed(this.at < this.#text.length ? 'an unexpected character' : 'it ends too early')
  }

  protected malformed(what: string): Problem {
    const before = this.#text.slice(0, this.at)
    const line = before.split('\n').length
    const column = this.at - before.lastIndexOf('\n')
    return new Problem('malformed_request', { detail: `The body is not acceptable JSON: ${what} (line ${line}, column ${column})` })
  }

  #plain(): string {
    plainForm.lastIndex = this.at
    plainForm.test(this.#text)
    const plain = this.#text.slice(this.at, plainForm.lastIndex)
    this.at = plainForm.lastIndex
    return plain
  }

  #escape(): string {
    const letter = this.#text[this.at + 1] ?? ''
    const simple = simpleEscapes[letter]
    if (simple !== undefined) {
      this.at += 2
      return simple
    }
    hexForm.lastIndex = this.at + 2
    const hex = letter === 'u' ? hexForm.exec(this.#text)?.[0] : undefined
    if (hex === undefined) throw this.malformed('a broken escape')
    this.at += 6
    return String.fromCharCode(Number.parseInt(hex, 16))
  }
}
