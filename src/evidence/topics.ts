import { type TObject, type TSchema, Type } from '@sinclair/typebox'
import type { TopicKey } from '../vocabulary.ts'
import { evidenceFields, type FieldName } from './fields.ts'

/** `required`: no ticket without it. `wanted`: counts towards completeness. `optional`: welcome. */
export const needs = ['required', 'wanted', 'optional'] as const
export type Need = (typeof needs)[number]

/** `mailOnDomain`: at least one of `mailFrom` and `mailTo` must be on the ticket's domain or a host below it. */
export type TopicDefinition = {
  key: TopicKey
  version: number
  title: string
  description: string
  fields: readonly { field: FieldName; need: Need }[]
  mailOnDomain: boolean
}

/** The shipped topics, with what a provider's support page would ask for each. Another wording or choice is another version. */
export const shippedTopics: Readonly<Record<TopicKey, TopicDefinition>> = {
  'email-delivery': {
    key: 'email-delivery',
    version: 1,
    title: 'Mail that does not arrive',
    description: 'Mail to or from the domain is lost, late, returned or taken for spam.',
    fields: [
      ...ask('required', 'occurredAt', 'mailFrom', 'mailTo'),
      ...ask('wanted', 'bounce', 'errorMessage', 'messageId', 'emailClient', 'stepsTried'),
      ...ask('optional', 'operatingSystem', 'stepsToReproduce'),
    ],
    mailOnDomain: true,
  },
  website: {
    key: 'website',
    version: 1,
    title: 'A website that does not work',
    description: 'A page of the domain shows an error, something wrong, or nothing at all.',
    fields: [
      ...ask('required', 'occurredAt', 'url'),
      ...ask('wanted', 'browser', 'operatingSystem', 'errorMessage', 'stepsToReproduce'),
      ...ask('optional', 'stepsTried'),
    ],
    mailOnDomain: false,
  },
  billing: {
    key: 'billing',
    version: 1,
    title: 'Invoices and payments',
    description: 'An invoice, a payment, a price or a contract. Only contacts of the account can see it.',
    fields: ask('optional', 'occurredAt', 'errorMessage', 'stepsTried'),
    mailOnDomain: false,
  },
  ownership: {
    key: 'ownership',
    version: 1,
    title: 'Who the account and its domains belong to',
    description: 'A change of owner, a domain that is given up or taken over, a dispute. Only owners and managers can see it.',
    fields: ask('optional', 'occurredAt', 'errorMessage', 'stepsTried'),
    mailOnDomain: false,
  },
  other: {
    key: 'other',
    version: 1,
    title: 'Something else',
    description: 'Whatever no other topic fits.',
    fields: [
      ...ask('wanted', 'occurredAt', 'errorMessage', 'stepsTried'),
      ...ask(
        'optional',
        'url',
        'mailFrom',
        'mailTo',
        'messageId',
        'bounce',
        'browser',
        'operatingSystem',
        'emailClient',
        'stepsToReproduce',
      ),
    ],
    mailOnDomain: false,
  },
}

function ask(need: Need, ...fields: FieldName[]): { field: FieldName; need: Need }[] {
  return fields.map((field) => ({ field, need }))
}

/** The shape of a topic's details as they are sent: its fields, none of them demanded yet, and nothing else. */
export function detailsInput(topic: TopicKey): TObject {
  const properties: [string, TSchema][] = shippedTopics[topic].fields.map(({ field }) => [
    field,
    Type.Optional(evidenceFields[field].input),
  ])
  return Type.Object(Object.fromEntries(properties), { additionalProperties: false })
}
