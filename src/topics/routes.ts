import { Type } from '@sinclair/typebox'
import { notFound } from '../authority/judge.ts'
import { problems } from '../http/contract.ts'
import type { App } from '../http/feature.ts'
import { type TopicKey, topicKeys } from '../vocabulary.ts'
import { Topic, toTopic } from './schema.ts'

const tags = ['topics']
const access = { action: 'self.read', on: 'nothing' } as const

/** What can be asked about and which evidence each topic asks for, so that a form can be drawn before anything is sent. */
export async function topicRoutes(app: App): Promise<void> {
  app.get(
    '/v1/topics',
    { config: { access }, schema: { tags, summary: 'List the topics', response: { 200: Type.Object({ items: Type.Array(Topic) }) } } },
    async () => ({ items: topicKeys.map(toTopic) }),
  )

  app.get(
    '/v1/topics/:topic',
    {
      config: { access },
      schema: {
        tags,
        summary: 'Read a topic',
        params: Type.Object({ topic: Type.String() }),
        response: { 200: Topic, ...problems('not_found') },
      },
    },
    async (request) => {
      const key = request.params.topic
      if (!topicKeys.includes(key as TopicKey)) throw notFound()
      return toTopic(key as TopicKey)
    },
  )
}
