/** What a decision point answers, whatever its policy: the protocol (`protocol.ts`) is the same for each. */
import type { FastifyRequest } from 'fastify'
import type { Evaluation, Search } from './read.ts'

export type Result = { decision: boolean; context?: Record<string, unknown> }

export type FoundEntity = { type: string; id: string; properties?: Record<string, unknown> }

/** A page of what a search found; `next` is empty on the last. */
export type Found<T> = { results: T[]; next: string }

export type DecisionPoint = {
  /** Answers in the order asked. */
  evaluate(request: FastifyRequest, evaluations: readonly Evaluation[]): Promise<Result[]>
  /** Who may do the action on the resource. */
  subjects(request: FastifyRequest, search: Search): Promise<Found<FoundEntity>>
  /** On which resources of the type the subject may do the action. */
  resources(request: FastifyRequest, search: Search): Promise<Found<FoundEntity>>
  /** Which actions the subject may do on the resource. */
  actions(request: FastifyRequest, search: Search): Promise<Found<{ name: string }>>
}
