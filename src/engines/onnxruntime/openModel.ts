/** Opens an ONNX file in ONNX Runtime, in a process of its own, to see what it computes. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { RegraftError } from '../../base/errors.js'
import { usableCores } from '../../base/machine.js'
import type { ModelReply, ModelRequest, Sent } from './modelChild.js'
import { lacksRuntime } from './runtime.js'

/** A model that can be run. */
export interface OpenModel {
  /** Outputs by name. */
  run(inputs: Readonly<Record<string, Sent>>): Promise<Readonly<Record<string, Float32Array>>>
  close(): void
}

/** @throws RegraftError('engine') where the runtime refuses the file, or is not here */
export async function openModel(path: string, threads = usableCores()): Promise<OpenModel> {
  const lacking = lacksRuntime()
  if (lacking !== undefined) throw new RegraftError('engine', `ONNX Runtime cannot be loaded: ${lacking}`)
  const child = fork(fileURLToPath(new URL('./modelChild.js', import.meta.url)), {
    serialization: 'advanced',
    execArgv: [],
  })
  const waiting = new Map<number, { resolve: (reply: ModelReply) => void; reject: (error: Error) => void }>()
  let ended: RegraftError | undefined
  let next = 1
  const end = (why: string) => {
    ended ??= new RegraftError('engine', `ONNX Runtime ended (${why})`)
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }
  child.on('message', (reply: ModelReply) => {
    waiting.get(reply.id)?.resolve(reply)
    waiting.delete(reply.id)
  })
  child.on('error', error => end(error.message))
  child.on('exit', (code, signal) => end(signal ?? `code ${code}`))
  const ask = async (question: (id: number) => ModelRequest) => {
    if (ended) throw ended
    const id = next++
    const reply = await new Promise<ModelReply>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      child.send(question(id), error => error && reject(error))
    })
    if ('error' in reply) throw new RegraftError('engine', `ONNX Runtime refuses ${path}: ${reply.error}`)
    return reply.outputs
  }
  try {
    await ask(id => ({ id, path, threads }))
  } catch (error) {
    child.kill()
    throw error
  }
  return {
    run: inputs => ask(id => ({ id, inputs })),
    close: () => {
      end('it was closed')
      if (child.connected) child.disconnect()
    },
  }
}
