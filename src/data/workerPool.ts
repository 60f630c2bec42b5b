/** A few worker threads that take jobs from one queue, in order. */
import { Worker } from 'node:worker_threads'

/** Runs jobs in workers; each worker handles one at a time. */
export interface WorkerPool<Job, Reply> {
  /** The reply to a job; rejects with the signal's reason if it is aborted before the job has begun. */
  run(job: Job, signal?: AbortSignal): Promise<Reply>
  /** Ends the workers; jobs that have no reply yet are rejected. */
  close(): Promise<void>
}

interface Task<Job, Reply> {
  readonly job: Job
  readonly signal: AbortSignal | undefined
  resolve(reply: Reply): void
  reject(error: unknown): void
}

/**
 * Workers are started when jobs wait, up to `threads`; idle ones do not keep the process alive.
 * @param script a module that answers every message with one message
 */
export function createWorkerPool<Job, Reply>(
  script: URL,
  threads: number,
  workerData: unknown,
): WorkerPool<Job, Reply> {
  const queue: Task<Job, Reply>[] = []
  let head = 0
  const workers = new Set<Worker>()
  const idle: Worker[] = []
  const busy = new Map<Worker, Task<Job, Reply>>()
  let closed = false

  const next = (): Task<Job, Reply> | undefined => {
    while (head < queue.length) {
      const task = queue[head++] as Task<Job, Reply>
      if (task.signal?.aborted) task.reject(task.signal.reason)
      else return task
    }
    queue.length = 0
    head = 0
    return undefined
  }

  const give = (worker: Worker): void => {
    const task = next()
    if (task === undefined) {
      idle.push(worker)
      worker.unref()
      return
    }
    busy.set(worker, task)
    worker.ref()
    worker.postMessage(task.job)
  }

  const start = (): void => {
    const worker = new Worker(script, { workerData })
    workers.add(worker)
    const fail = (error: unknown) => {
      workers.delete(worker)
      const at = idle.indexOf(worker)
      if (at >= 0) idle.splice(at, 1)
      busy.get(worker)?.reject(error)
      busy.delete(worker)
      if (!closed && head < queue.length && workers.size === 0) start()
    }
    worker.on('message', (reply: Reply) => {
      // A worker that is being ended has to keep the process alive until it has ended.
      if (closed) return
      busy.get(worker)?.resolve(reply)
      busy.delete(worker)
      give(worker)
    })
    worker.on('error', fail)
    worker.on('exit', code => fail(new Error(`an image worker ended with code ${code}`)))
    give(worker)
  }

  return {
    run: (job, signal) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(new Error('the worker pool is closed'))
          return
        }
        queue.push({ job, signal, resolve, reject })
        const worker = idle.pop()
        if (worker !== undefined) give(worker)
        else if (workers.size < threads) start()
      }),
    close: async () => {
      closed = true
      const error = new Error('the worker pool was closed')
      for (const task of [...busy.values(), ...queue.splice(head)]) task.reject(error)
      busy.clear()
      head = 0
      queue.length = 0
      await Promise.all([...workers].map(worker => worker.terminate()))
    },
  }
}
