/** Processes that take program after program: of hundreds of small ones, starting a process for each is most of the time. */
import type { ChildProcess } from 'node:child_process'
import { usableCores } from '../../base/machine.js'
import type { Engine } from '../engine.js'
import { onnxruntimeEngine } from './index.js'
import { startProcess, startProgram } from './program.js'

const idle: ChildProcess[] = []

/** A process whose last program has been disposed of, or a new one. */
function reusedProcess(): ChildProcess {
  const child = idle.pop() ?? startProcess()
  // What a program does last
  child.disconnect = () => {
    for (const event of ['message', 'error', 'exit']) child.removeAllListeners(event)
    idle.push(child)
  }
  return child
}

/** The engine, but for the start of its processes. */
export const reusing = (blocks: boolean): Engine => ({
  ...onnxruntimeEngine,
  compile: (graph, { threads = usableCores() } = {}) => startProgram(graph, threads, blocks, reusedProcess),
})
