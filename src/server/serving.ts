/** What every route works with. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Admission } from './admission.js'
import type { Limits } from './limits.js'
import type { Measures } from './measures.js'
import { Refusal } from './refusal.js'
import { failure } from './schemas.js'
import type { ModelPlace, ServedModel } from './servedModel.js'

/** What every route works with, whether a model is served or not. */
export interface Shared {
  readonly limits: Limits
  readonly measures: Measures
  readonly admission: Admission
  /** Requests whose answers are not made yet. */
  readonly working: Set<unknown>
  /** Whether the server is ending: it finishes what it has. */
  stopping(): boolean
}

/** What routes of a model work with. */
export interface Serving extends Shared {
  readonly model: ModelPlace
}

/** An app for routes, which says what is wrong with a query in the words of all refusals. */
export const routes = (): OpenAPIHono =>
  new OpenAPIHono({
    defaultHook: result => {
      if (!result.success) {
        const { path, message } = result.error.issues[0]!
        throw new Refusal(400, `'${path.join('.')}': ${message}`)
      }
    },
  })

/** The answers of a route that refuses. */
export const refusals = (descriptions: Readonly<Record<number, string>>) =>
  Object.fromEntries(
    Object.entries(descriptions).map(([status, description]) => [
      status,
      { description, content: { 'application/json': { schema: failure } } },
    ]),
  )

/** How an answer names the model that gave it. */
export const named = ({ network, temperature, loaded }: ServedModel) => ({
  network,
  temperature,
  loaded: loaded.toISOString(),
})

/** The body of requests with images, as OpenAPI describes it. */
export const imagesRequest = {
  required: true,
  content: {
    'multipart/form-data': {
      schema: {
        type: 'object' as const,
        required: ['image'],
        properties: {
          image: {
            type: 'array' as const,
            items: { type: 'string' as const, format: 'binary' },
            description: 'Image files.',
          },
        },
      },
    },
    'application/json': { schema: { $ref: '#/components/schemas/Images' } },
  },
}
