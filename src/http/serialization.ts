import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'

type Build = ReturnType<typeof SerializerSelector>

const building: Build = SerializerSelector()

/** Fastify's own serialisers, each compiled when its answer is first given: compiling those of every route took most of a start. */
export const buildSerializer: Build = (sharedSchemas, options) => {
  const compile = building(sharedSchemas, options)
  return (route) => {
    let serialize: ReturnType<typeof compile> | undefined
    return (answer) => {
      serialize ??= compile(route)
      return serialize(answer)
    }
  }
}
