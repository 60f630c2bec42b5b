/** The process of one ONNX file: runs it as whoever serves it will, by itself. */
import { InferenceSession, Tensor } from 'onnxruntime-node'

/** A tensor on its way between the processes. */
export interface Sent {
  readonly type: 'float32' | 'uint8'
  readonly shape: readonly number[]
  readonly data: Float32Array | Uint8Array
}

export type ModelRequest =
  | { readonly id: number; readonly path: string; readonly threads: number }
  | { readonly id: number; readonly inputs: Readonly<Record<string, Sent>> }

export type ModelReply =
  | { readonly id: number; readonly outputs: Readonly<Record<string, Float32Array>> }
  | { readonly id: number; readonly error: string }

let session: InferenceSession | undefined

async function answer(request: ModelRequest): Promise<ModelReply> {
  const { id } = request
  if ('path' in request) {
    session = await InferenceSession.create(request.path, { intraOpNumThreads: request.threads })
    return { id, outputs: {} }
  }
  if (!session) throw new Error('no model is open')
  const given = Object.entries(request.inputs).map(([name, { type, data, shape }]) => [
    name,
    type === 'uint8'
      ? new Tensor('uint8', data as Uint8Array, [...shape])
      : new Tensor('float32', data as Float32Array, [...shape]),
  ])
  const results = await session.run(Object.fromEntries(given))
  return {
    id,
    outputs: Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array])),
  }
}

let last: Promise<void> = Promise.resolve()
process.on('message', (request: ModelRequest) => {
  last = last.then(async () => {
    const reply = await answer(request).catch((error: Error): ModelReply => ({ id: request.id, error: error.message }))
    process.send?.(reply)
  })
})
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())
