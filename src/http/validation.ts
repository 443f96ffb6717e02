import { Ajv, type ErrorObject } from 'ajv'
import formats from 'ajv-formats'

const instantForm = /^\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:z|[+-]\d\d:\d\d)$/i
const uuidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Above so many values only the first error is looked for: a list of 30,000 wrong items would be 30,000 errors to make. */
const reportedMax = 1_000

/**
 * Compiles the routes' schemas. A body is taken as it is: a `5` is no string, and an unknown field is refused, not removed. Query,
 * path and header parameters are text on the wire, so they are read as the number, boolean or list the schema asks for. Names of
 * header parameters must be written in lower case. `discriminator` is understood beside `oneOf`. The server asks for a builder in every
 * plugin that shares schemas of its own; all of them compile in the same few instances, since making one is dear, and each schema when
 * it is first needed, since compiling all of them was most of a start's time.
 */
export function validatorBuilder(): (sharedSchemas: Readonly<Record<string, object>>) => (route: Route) => Validate {
  const strict = compiler(false)
  const coercing = compiler('array')
  return (sharedSchemas) => {
    for (const { learn } of [strict, coercing]) learn(sharedSchemas)
    return ({ schema, httpPart }) => (httpPart === 'body' ? strict : coercing).compile(schema)
  }
}

type Route = { schema: object; httpPart?: string }
type Validate = { (value: unknown): boolean; errors?: ErrorObject[] | null | undefined }

/** A valid value is seen as such at the first pass; only for one that is not, every error is gathered. */
function compiler(coerceTypes: false | 'array') {
  const first = validator(false, coerceTypes)
  const all = validator(true, coerceTypes)
  const learn = (sharedSchemas: Readonly<Record<string, object>>): void => {
    for (const [id, schema] of Object.entries(sharedSchemas)) {
      for (const ajv of [first, all]) if (ajv.schemas[id] === undefined) ajv.addSchema(schema)
    }
  }
  const compile = (schema: object): Validate => {
    let isValid: Validate | undefined
    let report: Validate | undefined
    const every = (value: unknown) => {
      report ??= all.compile(schema)
      report(value)
      return report.errors
    }
    const validate: Validate = (value) => {
      isValid ??= first.compile(schema)
      if (isValid(value)) return true
      validate.errors = (isLarge(value) ? null : every(value)) ?? isValid.errors
      return false
    }
    return validate
  }
  return { learn, compile }
}

function validator(allErrors: boolean, coerceTypes: false | 'array'): Ajv {
  const ajv = new Ajv({
    allErrors,
    coerceTypes,
    discriminator: true,
    removeAdditional: false,
    strictTypes: false,
    useDefaults: true,
    // Strict mode refuses what it does not know; compiling the schema of schemas as well would cost each start a second.
    validateSchema: false,
    verbose: true,
  })
  formats.default(ajv)
  restrictFormats(ajv)
  return ajv
}

function isLarge(value: unknown): boolean {
  let count = 0
  for (const waiting = [value]; waiting.length > 0; ) {
    const next = waiting.pop()
    const members = typeof next === 'object' && next !== null ? Object.values(next) : []
    count += members.length
    if (count > reportedMax) return true
    waiting.push(...members)
  }
  return false
}

/**
 * Three formats of ajv-formats let through what the database or RFC 3339 does not: `urn:uuid:…`, the year 0000, and an instant with
 * a blank in place of the `T`.
 */
function restrictFormats(ajv: Ajv): void {
  ajv.addFormat('uuid', uuidForm)
  for (const [name, form] of [
    ['date', /./],
    ['date-time', instantForm],
  ] as const) {
    const lenient = ajv.formats[name] as { validate: (text: string) => boolean }
    const validate = (text: string): boolean => form.test(text) && !text.startsWith('0000') && lenient.validate(text)
    ajv.addFormat(name, { type: 'string', validate })
  }
}
