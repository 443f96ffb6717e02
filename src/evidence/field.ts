import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { normaliseAddress } from '../address.ts'
import { type Context, fault, type Reading } from './reading.ts'
import { readSoftware, Software, type SoftwareInput, type SoftwareKind, softwareInput } from './software.ts'

/**
 * One kind of evidence: `input` is its shape on the wire, `stored` the shape it is kept and shown in, `why` the sentence that tells
 * the customer what support needs it for, `example` an input that passes. `read` turns the one shape into the other; it is given
 * only values that have passed `input`, and never throws.
 */
export type EvidenceField<I extends TSchema = TSchema, S extends TSchema = TSchema> = {
  input: I
  stored: S
  why: string
  example: unknown
  read: (value: unknown, context: Context) => Reading<Static<S>>
}

type Telling<Example> = { why: string; example: Example }

export function field<I extends TSchema, S extends TSchema>(
  definition: Telling<Static<I>> & { input: I; stored: S; read: (value: Static<I>, context: Context) => Reading<Static<S>> },
): EvidenceField<I, S> {
  return { ...definition, read: (value, context) => definition.read(value as Static<I>, context) }
}

/** Text of at most `bytes` octets in UTF-8; never blank. */
export function textField(title: string, bytes: number, { description, ...telling }: Telling<string> & { description: string }) {
  return field({
    ...telling,
    input: Type.String({ title, description: `${description} At most ${bytes / 1024} KiB.`, maxLength: bytes, pattern: '\\S' }),
    stored: Type.String(),
    read: (value) =>
      Buffer.byteLength(value) > bytes ? fault('maximum_length', `must be at most ${bytes} bytes long in UTF-8`) : { value },
  })
}

/** A text or a list of texts; kept as a list. */
export function stepsField(title: string, telling: Telling<string | string[]>) {
  const list = Type.Array(Type.String({ maxLength: 2048, pattern: '\\S' }), { minItems: 1, maxItems: 50 })
  return field({
    ...telling,
    input: Type.Union([Type.String({ maxLength: 8192, pattern: '\\S' }), list], { title, description: 'A text or a list, one step each.' }),
    stored: Type.Array(Type.String()),
    read: (value) => ({ value: typeof value === 'string' ? [value] : value }),
  })
}

/** A mail address as a mail server would log it: the local part as written, the domain as A-labels. */
export function addressField(title: string, telling: Telling<string>) {
  return field({
    ...telling,
    input: Type.String({ title, description: 'One mail address; internationalised ones too.', maxLength: 320 }),
    stored: Type.String(),
    read: (text) => {
      const reading = normaliseAddress(text, { internationalLocal: true })
      return 'error' in reading ? fault('format', reading.error) : { value: `${reading.local}@${reading.domain}` }
    },
  })
}

export function softwareField(kind: SoftwareKind, title: string, telling: Telling<SoftwareInput>) {
  return field({ ...telling, input: softwareInput(title), stored: Software, read: (value) => ({ value: readSoftware(value, kind) }) })
}
