/** What requests and answers look like: checked, and documented, by the same schemas. */
import { z } from '@hono/zod-openapi'
import { USUAL_SHARE } from '../training/index.js'

export const failure = z
  .object({ error: z.string().describe('What happened, and what to do next.') })
  .openapi('Failure')

export const imagesBody = z
  .object({
    images: z.array(z.string()).min(1).describe('Image files in base64, also as data: URLs.'),
  })
  .openapi('Images')

export const score = z
  .object({ class: z.string(), probability: z.number().min(0).max(1) })
  .openapi('Score', { description: 'A class and its probability.' })

export const model = z
  .object({
    network: z.string().openapi({ example: 'resnet50' }),
    classes: z.array(z.string()),
    size: z.number().int().describe("Height and width of the network's input."),
    temperature: z
      .number()
      .describe(
        'What logits are divided by so that probabilities are calibrated; 1: they are as the network gives them.',
      ),
    engine: z.string(),
    loaded: z.iso.datetime().describe('When the model was read.'),
  })
  .openapi('Model')

export const prediction = z
  .object({
    name: z.string().describe("The file's name, or the number of the image from 1."),
    scores: z.array(score).optional().describe('The most probable class first.'),
    rejected: z
      .boolean()
      .optional()
      .describe("With 'reject': whether the network is so unsure that the image may show none of its classes."),
    error: z.string().optional().describe('Why the image cannot be read, in place of scores.'),
  })
  .openapi('Prediction')

export const predictions = z
  .object({
    predictions: z.array(prediction).describe('In the order of the images.'),
    model: model.pick({ network: true, temperature: true, loaded: true }),
  })
  .openapi('Predictions')

export const predictQuery = z.object({
  top: z.coerce.number().int().min(1).default(5).describe('How many of the most probable classes are given.'),
  reject: z.stringbool().default(false).describe('Whether to say of each image if it may show none of the classes.'),
  pass: z.coerce
    .number()
    .gt(0)
    .lt(100)
    .default(100 * USUAL_SHARE)
    .describe("With 'reject': per cent of the validation images that were classified right that would pass."),
})

export const explainQuery = z.object({
  class: z.string().optional().describe('The class that is explained; default: the most probable one.'),
  overlay: z.stringbool().default(false).describe('Whether the answer holds the picture with the heat map over it.'),
})

export const explanation = z
  .object({
    name: z.string(),
    class: z.string().describe('The class that is explained.'),
    scores: z.array(score).describe('All classes, the most probable first.'),
    side: z.number().int().describe('Cells of a side of the map.'),
    map: z
      .array(z.number())
      .describe('Grad-CAM: side x side numbers from 0 to 1, row by row, of what the network saw.'),
    overlay: z.string().optional().describe('A PNG as a data: URL.'),
    model: predictions.shape.model,
  })
  .openapi('Explanation')

export const health = z.object({ status: z.enum(['ok', 'stopping']) }).openapi('Health')
