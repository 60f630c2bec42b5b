/** `POST /v1/explain`: where in an image the network sees what it says. */
import { createRoute } from '@hono/zod-openapi'
import { RegraftError } from '../../base/errors.js'
import { ImageTooLarge, UnreadableImage } from '../../inference/index.js'
import { imagesOf } from '../images.js'
import { Refusal } from '../refusal.js'
import { explainQuery, explanation } from '../schemas.js'
import { imagesRequest, named, refusals, routes, type Serving } from '../serving.js'

const route = createRoute({
  method: 'post',
  path: '/v1/explain',
  summary: 'Explain what an image is taken for',
  description: "Grad-CAM of one image. With 'Accept: image/png' the answer is the picture with the heat map over it.",
  request: { query: explainQuery, body: imagesRequest },
  responses: {
    200: {
      description: 'Where the score of the class comes from.',
      content: {
        'application/json': { schema: explanation },
        'image/png': { schema: { type: 'string' as const, format: 'binary' } },
      },
    },
    ...refusals({
      400: 'The request is damaged, or there is no such class.',
      413: 'The body or the image is larger than is taken.',
      415: 'The body is no form and no JSON.',
      422: 'The image cannot be read.',
      503: 'There is too much to do; ask again after Retry-After seconds.',
    }),
  },
})

export function explainRoute({ model, limits, measures, admission }: Serving) {
  const app = routes()
  app.use(route.path, admission.middleware)
  app.openapi(route, async context => {
    const query = context.req.valid('query')
    const [image, ...more] = await imagesOf(context, limits)
    if (!image || more.length > 0) throw new Refusal(400, 'one image is explained at a time; send them one by one')
    const { current } = model
    try {
      const explained = await current.explain(image.bytes, query.class)
      measures.image('answered')
      if (/^image\/png\b/.test(context.req.header('accept') ?? ''))
        return context.body(new Uint8Array(await explained.overlay()), 200, { 'Content-Type': 'image/png' })
      const { class: name, scores, side, map } = explained
      const overlay = query.overlay
        ? { overlay: `data:image/png;base64,${Buffer.from(await explained.overlay()).toString('base64')}` }
        : {}
      return context.json(
        { name: image.name, class: name, scores: [...scores], side, map: [...map], ...overlay, model: named(current) },
        200,
      )
    } catch (error) {
      if (error instanceof UnreadableImage) {
        measures.image('unreadable')
        throw new Refusal(error instanceof ImageTooLarge ? 413 : 422, error.message)
      }
      if (error instanceof RegraftError && error.code === 'usage') throw new Refusal(400, error.message)
      throw error
    }
  })
  return app
}
