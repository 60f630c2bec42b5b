/** Workers without work: many in one process, each with its own connections, whose trials end as soon as they begin. Run by queueLoad. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { queueAddress, runWorker } from '../study/queue/index.js'

const [url = '', folder = '', count = '1'] = process.argv.slice(2)
const stop = new AbortController()
process.on('disconnect', () => stop.abort())

const metrics = { images: 1, loss: 1, top1: 0.5, top5: 1, meanPerClass: 0.5 }
const result = JSON.stringify({
  bestEpoch: 1,
  validation: { ...metrics, interval: [0.4, 0.6] },
  test: { ...metrics, interval: [0.4, 0.6] },
  perClass: [],
  confusion: [],
  seconds: { total: 0.01, training: 0.01 },
})

const one = (number: number) =>
  runWorker({
    address: queueAddress(url),
    allow: [folder],
    mounts: [],
    concurrency: 1,
    machine: {
      host: `worker-${process.pid}-${number}`,
      cpu: 'none',
      engines: ['onednn', 'onnxruntime'],
      cores: 1,
      memory: 64e9,
    },
    silence: 900,
    lock: 30,
    tell: () => {},
    signal: stop.signal,
    host: () => ({
      run: async ({ run }) => {
        await mkdir(run, { recursive: true })
        await writeFile(join(run, 'result.json'), result)
        return { state: 'done' }
      },
      end: () => {},
    }),
  })

const workers = Promise.all(Array.from({ length: Number(count) }, (_, number) => one(number)))
await workers
process.disconnect?.()
