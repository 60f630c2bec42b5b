/** The process of one program: holds the session and every persistent tensor, so that nobody else ever waits for a step. */
import { InferenceSession, Tensor, type TypedTensor } from 'onnxruntime-node'

/** What the process is told first. */
export interface Setup {
  readonly model: Uint8Array
  readonly threads: number
  /** Persistent values: name → shape; all zeros in the beginning. */
  readonly persistent: ReadonlyMap<string, readonly number[]>
  readonly inputs: ReadonlyMap<string, readonly number[]>
  readonly outputs: readonly string[]
  readonly updates: ReadonlyMap<string, string>
}

export type Request =
  | { readonly id: number; readonly type: 'compile'; readonly setup: Setup }
  | { readonly id: number; readonly type: 'run'; readonly inputs: Readonly<Record<string, Float32Array>> }
  | { readonly id: number; readonly type: 'read'; readonly name: string }
  | { readonly id: number; readonly type: 'write'; readonly name: string; readonly values: Float32Array }

export type Reply =
  | { readonly id: number; readonly outputs: Readonly<Record<string, Float32Array>> }
  | { readonly id: number; readonly values: Float32Array }
  | { readonly id: number; readonly error: string }
  | { readonly id: number }

const size = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1)
const zeros = (shapes: ReadonlyMap<string, readonly number[]>) =>
  new Map([...shapes].map(([name, shape]) => [name, new Tensor('float32', new Float32Array(size(shape)), [...shape])]))

/** A compiled step: answers what is asked of it. */
async function compile({ model, threads, persistent, inputs, outputs, updates }: Setup) {
  // The runtime's memory pattern, which it would follow from the second run on, lets values that are still read be
  // overwritten in graphs like these (1.16.3): gradients came out wrong, without any error.
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: threads,
    enableMemPattern: false,
    // Training steps say themselves what is fused and in what layout (lowering): the runtime would look for seconds, and find nothing
    graphOptimizationLevel: updates.size > 0 ? 'disabled' : 'all',
  })
  const state = zeros(persistent)
  const given = zeros(inputs)
  const fetches = [...new Set([...outputs, ...updates.values()])]
  return {
    run: async (values: Readonly<Record<string, Float32Array>>) => {
      for (const [name, data] of Object.entries(values)) (given.get(name) as TypedTensor<'float32'>).data.set(data)
      const results = await session.run(Object.fromEntries([...state, ...given]), fetches)
      for (const [name, next] of updates) state.set(name, results[next] as TypedTensor<'float32'>)
      return Object.fromEntries(outputs.map(name => [name, (results[name] as TypedTensor<'float32'>).data]))
    },
    read: (name: string) => (state.get(name) as TypedTensor<'float32'>).data,
    write: (name: string, values: Float32Array) => (state.get(name) as TypedTensor<'float32'>).data.set(values),
  }
}

let program: Awaited<ReturnType<typeof compile>> | undefined

async function answer(request: Request): Promise<Reply> {
  const { id } = request
  if (request.type === 'compile') program = await compile(request.setup)
  else if (!program) throw new Error('nothing is compiled')
  else if (request.type === 'run') return { id, outputs: await program.run(request.inputs) }
  else if (request.type === 'read') return { id, values: program.read(request.name) }
  else program.write(request.name, request.values)
  return { id }
}

// One request after another: the next one starts when the last has been answered.
let last: Promise<void> = Promise.resolve()
process.on('message', (request: Request) => {
  last = last.then(async () => {
    const reply = await answer(request).catch((error: Error): Reply => ({ id: request.id, error: error.message }))
    process.send?.(reply)
  })
})
// Ctrl-C reaches every process of the terminal; the one that owns this program decides when it ends.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())
