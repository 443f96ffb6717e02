import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'

const instantForm = /^\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:z|[+-]\d\d:\d\d)$/i
const uuidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Compiles the routes' schemas. A body is taken as it is: a `5` is no string, and an unknown field is refused, not removed. Query,
 * path and header parameters are text on the wire, so they are read as the number, boolean or list the schema asks for. Names of
 * header parameters must be written in lower case. `discriminator` is understood beside `oneOf`.
 */
export function buildValidator(sharedSchemas: Readonly<Record<string, object>>): FastifySchemaCompiler<object> {
  const strict = validator(false, sharedSchemas)
  const coercing = validator('array', sharedSchemas)
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : coercing).compile(schema)
}

function validator(coerceTypes: false | 'array', sharedSchemas: Readonly<Record<string, object>>): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    coerceTypes,
    discriminator: true,
    removeAdditional: false,
    strictTypes: false,
    useDefaults: true,
    verbose: true,
  })
  formats.default(ajv)
  restrictFormats(ajv)
  for (const schema of Object.values(sharedSchemas)) ajv.addSchema(schema)
  return ajv
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
