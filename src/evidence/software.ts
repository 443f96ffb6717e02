import { type Static, Type } from '@sinclair/typebox'
import Bowser from 'bowser'

/** Name and version, or the text that says both: a raw User-Agent or X-Mailer header. */
export function softwareInput(title: string) {
  return Type.Union(
    [
      Type.String({ maxLength: 1024, pattern: '\\S' }),
      Type.Object(
        { name: Type.String({ maxLength: 100, pattern: '\\S' }), version: Type.Optional(Type.String({ maxLength: 100, pattern: '\\S' })) },
        { additionalProperties: false },
      ),
    ],
    { title, description: 'Name and version, or the raw User-Agent header, which is then parsed.' },
  )
}
export type SoftwareInput = Static<ReturnType<typeof softwareInput>>

/** `raw` is the text as it was sent, null where name and version came apart. */
export const Software = Type.Object(
  {
    name: Type.String(),
    version: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
    raw: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  },
  { additionalProperties: false },
)
export type Software = Static<typeof Software>

export type SoftwareKind = 'browser' | 'operatingSystem' | 'emailClient'

/** Reads a browser, an operating system or a mail program; text that says neither in a known way is kept as the name. Never throws. */
export function readSoftware(input: SoftwareInput, kind: SoftwareKind): Software {
  if (typeof input !== 'string') return { name: input.name, version: input.version ?? null, raw: null }
  return { ...(parse(input, kind) ?? { name: input, version: null }), raw: input }
}

/** Mail programs that name themselves in the User-Agent of a browser engine, where bowser would see the engine only. */
const mailPrograms = /\b(Thunderbird|Betterbird|SeaMonkey|Microsoft Outlook|K-9)[ /](\d[\w.]*)/

function parse(text: string, kind: SoftwareKind): { name: string; version: string | null } | undefined {
  const [, program, release] = (kind === 'emailClient' && mailPrograms.exec(text)) || []
  if (program !== undefined && release !== undefined) return { name: program, version: release }
  const parser = Bowser.getParser(text)
  const { name, version } = kind === 'operatingSystem' ? parser.getOS() : parser.getBrowser()
  // "Mozilla" is the first word of every such header, not a finding. And "Windows 11" loses its 11 in bowser, so words without a
  // `product/version` are taken apart only when a version comes of it.
  if (!name || name === 'Mozilla' || !(version || /\S\/\d/.test(text))) return undefined
  return { name, version: version || null }
}
