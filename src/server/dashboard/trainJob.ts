/** The process that trains a run for the dashboard: reads what to do from standard input, and stops as at Ctrl-C. */
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { inOwnWords, RegraftError } from '../../base/errors.js'
import { openDataset } from '../../data/index.js'
import { train, trainingOptions } from '../../training/index.js'

const jobSchema = z.object({ data: z.string(), options: trainingOptions })

const stop = new AbortController()
// The server that heard it may have ended
process.stderr.on('error', () => {})
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => stop.abort(new RegraftError('interrupted', 'Stopped before the first step.')))
try {
  const { data, options } = jobSchema.parse(JSON.parse(await text(process.stdin)))
  await train(await openDataset(data, options), options, { signal: stop.signal })
} catch (thrown) {
  const error = inOwnWords(thrown)
  process.stderr.write(error instanceof RegraftError ? error.message : String(error))
  process.exitCode = 1
}
