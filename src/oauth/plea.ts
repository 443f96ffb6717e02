import type { Feature } from '../http/feature.ts'
import type { Client } from './client.ts'
import type { Form } from './form.ts'

/** A request at the token endpoint; `client` where one has proven itself. */
export type Plea = { feature: Feature; form: Form; client: Client | undefined; requestId: string }
