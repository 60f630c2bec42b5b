/** The contract between a graph and what executes it. */
import type { Graph } from '../graph/index.js'

/** How activations and convolution weights are stored; parameters that are read back are float32 either way. */
export type Precision = 'float32' | 'bfloat16'

/** Whether an engine can run a graph, or in words why it cannot. */
export type Support = { readonly ok: true } | { readonly ok: false; readonly reason: string }

export interface CompileOptions {
  readonly precision?: Precision
  /** Threads of one run; default: the physical cores this process may use. */
  readonly threads?: number
}

/** Bytes that a program holds, by purpose, known before anything runs. */
export interface MemoryPlan {
  readonly parameters: number
  readonly state: number
  /** Intermediates. */
  readonly activations: number
  /** Scratch space of kernels, and copies in other layouts. */
  readonly workspace: number
}

/** All bytes of a plan. */
export const totalBytes = ({ parameters, state, activations, workspace }: MemoryPlan): number =>
  parameters + state + activations + workspace

/** One array per input of the graph, row-major, as long as the input's shape says. */
export type Inputs = Readonly<Record<string, Float32Array>>
/** One array per output of the graph; the caller owns it. */
export type Outputs = Readonly<Record<string, Float32Array>>

/** A compiled graph with its own copy of every persistent value (all zeros until written). */
export interface Program {
  readonly memory: MemoryPlan
  /**
   * One run, then the graph's updates. Never blocks the event loop; runs of one program happen one after another.
   * A run that its signal stops rejects with the signal's reason, and may have made some of the updates and not others:
   * whoever goes on after it writes what persists anew.
   */
  run(inputs: Inputs, signal?: AbortSignal): Promise<Outputs>
  /**
   * Begins a run and resolves once it has taken its inputs, which may then be changed; what comes of the run follows.
   * Only where an engine computes beside this process's threads: the next run is prepared meanwhile.
   */
  begin?(inputs: Inputs, signal?: AbortSignal): Promise<{ readonly outputs: Promise<Outputs> }>
  /** A persistent value: parameter, statistic or state. */
  read(name: string): Promise<Float32Array>
  /** Replaces a persistent value. @throws where the length does not fit its shape */
  write(name: string, values: Float32Array): Promise<void>
  /** Seconds spent in each kind of kernel over all runs so far, where the engine measures them; only while nothing runs. */
  secondsByKernel?(): Readonly<Record<string, number>>
  /** Frees everything; later calls reject. */
  dispose(): Promise<void>
}

export interface Engine {
  readonly name: 'onednn' | 'onnxruntime' | 'webgpu'
  /** What it computes with, for instance 'ONNX Runtime 1.16.3'; its name alone where it is not there. */
  readonly library: string
  /** Whether programs stand in a device's own memory, whose size is not known before it is full, and not in this machine's. */
  readonly besideMemory?: boolean
  supports(graph: Graph, precision: Precision): Support
  /** What a program of the graph would hold, before anything is allocated; of the workspace, what can be told so early. */
  memory(graph: Graph, options?: CompileOptions): MemoryPlan
  /** Plans memory and chooses layouts. @throws RegraftError('engine') where the graph is not supported or does not fit */
  compile(graph: Graph, options?: CompileOptions): Promise<Program>
}
