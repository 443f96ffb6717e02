import { type Static, Type } from '@sinclair/typebox'
import { addressField, field, softwareField, stepsField, textField } from './field.ts'
import { OccurredAt, OccurredAtInput, readOccurredAt } from './instant.ts'
import { fault } from './reading.ts'
import { readUrl } from './url.ts'

/** Every kind of evidence a topic may ask for, each defined once, in the order in which a form would ask. */
export const evidenceFields = {
  occurredAt: field({
    input: OccurredAtInput,
    stored: OccurredAt,
    why: 'Logs are searched by time: without the exact time and its offset, the event cannot be found in them.',
    example: { at: '2026-11-22T14:05:00+10:00[Australia/Brisbane]', precision: 'minute' },
    read: (value, { now }) => readOccurredAt(value, now),
  }),
  url: field({
    input: Type.String({ title: 'Address of the page', description: "On the ticket's domain or a host below it.", maxLength: 2048 }),
    stored: Type.String(),
    why: 'A site can work on one page and fail on the next: support must open exactly the one that failed.',
    example: 'https://www.shop.example/cart?step=2',
    read: (value, { domain }) => readUrl(value, domain),
  }),
  mailFrom: addressField('Sender', {
    why: 'Mail logs are searched by sender and recipient: without the sender, the message cannot be told from others.',
    example: 'anna@customer.example',
  }),
  mailTo: addressField('Recipient', {
    why: 'Mail logs are searched by sender and recipient: without the recipient, the message cannot be told from others.',
    example: 'info@shop.example',
  }),
  messageId: field({
    input: Type.String({ title: 'Message-ID', description: 'From the header of the message.', maxLength: 998 }),
    stored: Type.String(),
    why: 'The Message-ID follows one message through every mail server on its way.',
    example: '<20261122040500.4XyZ12@mail.customer.example>',
    read: (text) => {
      const id = /^<?([^\s<>]+)>?$/.exec(text)?.[1]
      return id === undefined
        ? fault('format', 'must be one Message-ID, e.g. <20261122040500.4XyZ12@mail.customer.example>')
        : { value: `<${id}>` }
    },
  }),
  bounce: textField('Returned message', 16_384, {
    description: 'The text of the message that came back, best with its headers.',
    why: 'A returned message says which server refused the mail, and why.',
    example: 'Final-Recipient: rfc822; info@shop.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown',
  }),
  errorMessage: textField('Error message', 8192, {
    description: 'The exact text, copied rather than described.',
    why: 'The exact words of an error usually lead to its cause; a description of them rarely does.',
    example: '550 5.7.1 <info@shop.example>: Recipient address rejected: Access denied',
  }),
  browser: softwareField('browser', 'Browser', {
    why: 'Pages behave differently from browser to browser and from version to version.',
    example: { name: 'Firefox', version: '145.0' },
  }),
  operatingSystem: softwareField('operatingSystem', 'Operating system', {
    why: 'Certificates, fonts and network settings belong to the operating system, so the cause may lie there.',
    example: { name: 'Windows', version: '11' },
  }),
  emailClient: softwareField('emailClient', 'Mail program', {
    why: 'Every mail program connects, signs in and stores mail in a way of its own.',
    example: { name: 'Thunderbird', version: '140.5' },
  }),
  stepsTried: stepsField('What was tried', {
    why: 'What has been tried need not be tried again, and how it went narrows down the cause.',
    example: ['Sent the same message from another address: it arrived', 'Restarted the mail program: no change'],
  }),
  stepsToReproduce: stepsField('How to make it happen', {
    why: 'What support can make happen itself, it can examine.',
    example: ['Open https://www.shop.example/', 'Put any article into the cart', 'Press "Checkout": an empty page appears'],
  }),
} as const

export type FieldName = keyof typeof evidenceFields
export const fieldNames = Object.keys(evidenceFields) as FieldName[]

/** What a ticket keeps as its details: each field in its stored form, absent where nothing was given. */
export type StoredDetails = { [Name in FieldName]?: Static<(typeof evidenceFields)[Name]['stored']> }
export const StoredDetails = Type.Unsafe<StoredDetails>(
  Type.Object(Object.fromEntries(fieldNames.map((name) => [name, Type.Optional(evidenceFields[name].stored)])), {
    additionalProperties: false,
    description: 'What happened, when and where: the evidence as it was read. Which fields there are depends on the topic.',
  }),
)

/**
 * Details as a request body carries them. Their shape hangs on the topic, so the door lets any object in and `check.ts` reads it.
 */
export const DetailsInput = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: true,
  description: 'The evidence that the topic asks for, as `GET /v1/topics/{key}` describes it. Unknown fields are refused.',
})
