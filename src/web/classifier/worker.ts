/** Runs the model beside the page, so that the page answers while it computes. */
import type { InferenceSession, Tensor } from 'onnxruntime-web'
import type { Asked, Told } from './messages.ts'

interface Runtime {
  readonly env: { readonly wasm: { wasmPaths: string; numThreads: number } }
  readonly InferenceSession: { create(bytes: Uint8Array): Promise<InferenceSession> }
  readonly Tensor: new (type: 'uint8', data: Uint8Array, shape: readonly number[]) => Tensor
}

/** The most pixels that are read, as everywhere in Regraft. */
const MOST = 2 ** 28

const tell = (message: Told) => postMessage(message)
const words = (error: unknown) => (error instanceof Error ? error.message : String(error))
const beside = (name: string) => new URL(name, location.href).href

async function load() {
  const runtime = (await import(/* @vite-ignore */ beside('ort.wasm.min.mjs'))) as Runtime
  runtime.env.wasm.wasmPaths = beside('./')
  // More would need headers that let pages share memory, which few hosts send
  runtime.env.wasm.numThreads = 1
  const answer = await fetch(beside('model.onnx'))
  if (!answer.ok) throw new Error(`model.onnx is not there (${answer.status})`)
  const session = await runtime.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()))
  return { runtime, session }
}

/** Red, green and blue of an image as it is seen: turned as its camera says, on white where it is transparent. */
async function pixelsOf(image: Blob) {
  const bitmap = await createImageBitmap(image)
  const { width, height } = bitmap
  if (width * height > MOST) throw new Error(`it has more than ${MOST} pixels`)
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('this browser has no canvas to read it with')
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, width, height)
  context.drawImage(bitmap, 0, 0)
  bitmap.close()
  const { data } = context.getImageData(0, 0, width, height)
  const pixels = new Uint8Array(3 * width * height)
  for (let from = 0, to = 0; from < data.length; from += 4) {
    pixels[to++] = data[from]!
    pixels[to++] = data[from + 1]!
    pixels[to++] = data[from + 2]!
  }
  return { pixels, shape: [height, width, 3] }
}

const loaded = load()
loaded.then(
  () => tell({ kind: 'ready' }),
  error => tell({ kind: 'failed', message: `The model could not be loaded: ${words(error)}` }),
)
let turn: Promise<unknown> = loaded

async function classify({ id, image }: Asked): Promise<void> {
  try {
    const { runtime, session } = await loaded
    const { pixels, shape } = await pixelsOf(image).catch(error => {
      throw new Error(`not an image that this browser reads (${words(error)})`)
    })
    const began = performance.now()
    const outputs = await session.run({ image: new runtime.Tensor('uint8', pixels, shape) })
    const probabilities = outputs.probabilities!.data as Float32Array
    tell({ kind: 'classified', id, probabilities, ms: performance.now() - began })
  } catch (error) {
    tell({ kind: 'failed', id, message: words(error) })
  }
}

addEventListener('message', ({ data }: MessageEvent<Asked>) => {
  turn = turn.then(
    () => classify(data),
    () => {},
  )
})
