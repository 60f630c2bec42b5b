/** A few worker threads that take jobs from one queue, in order. */
import { parentPort, Worker } from 'node:worker_threads'

/** Runs jobs in workers. */
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

/** Jobs that a worker has at a time: while libvips decodes for one, in a thread of its own, the other is computed. */
const AT_ONCE = 2

/**
 * Workers are started when jobs wait, up to `threads`; idle ones do not keep the process alive.
 * @param script a module that calls `answerJobs`
 */
export function createWorkerPool<Job, Reply>(
  script: URL,
  threads: number,
  workerData: unknown,
): WorkerPool<Job, Reply> {
  const queue: Task<Job, Reply>[] = []
  let head = 0
  const workers = new Map<Worker, Map<number, Task<Job, Reply>>>()
  let given = 0
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

  const give = (worker: Worker, tasks: Map<number, Task<Job, Reply>>): void => {
    while (tasks.size < AT_ONCE) {
      const task = next()
      if (task === undefined) break
      tasks.set(given, task)
      worker.postMessage([given++, task.job])
    }
    if (tasks.size > 0) worker.ref()
    else worker.unref()
  }

  const start = (): void => {
    const worker = new Worker(script, { workerData })
    const tasks = new Map<number, Task<Job, Reply>>()
    workers.set(worker, tasks)
    const fail = (error: unknown) => {
      workers.delete(worker)
      for (const task of tasks.values()) task.reject(error)
      tasks.clear()
      if (!closed && head < queue.length && workers.size === 0) start()
    }
    worker.on('message', ([number, reply]: [number, Reply]) => {
      // A worker that is being ended has to keep the process alive until it has ended.
      if (closed) return
      tasks.get(number)?.resolve(reply)
      tasks.delete(number)
      give(worker, tasks)
    })
    worker.on('error', fail)
    worker.on('exit', code => fail(new Error(`an image worker ended with code ${code}`)))
    give(worker, tasks)
  }

  const leastBusy = () => {
    let least: [Worker, Map<number, Task<Job, Reply>>] | undefined
    for (const entry of workers) if (least === undefined || entry[1].size < least[1].size) least = entry
    return least
  }

  return {
    run: (job, signal) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(new Error('the worker pool is closed'))
          return
        }
        queue.push({ job, signal, resolve, reject })
        const least = leastBusy()
        if (least === undefined || (least[1].size > 0 && workers.size < threads)) start()
        else give(...least)
      }),
    close: async () => {
      closed = true
      const error = new Error('the worker pool was closed')
      for (const tasks of workers.values()) {
        for (const task of tasks.values()) task.reject(error)
        tasks.clear()
      }
      for (const task of queue.splice(head)) task.reject(error)
      head = 0
      queue.length = 0
      await Promise.all([...workers.keys()].map(worker => worker.terminate()))
    },
  }
}

/** In a worker: answers each of the pool's jobs with what `handle` makes of it. */
export function answerJobs<Job, Reply>(handle: (job: Job) => Promise<Reply>): void {
  parentPort?.on('message', async ([number, job]: [number, Job]) => {
    parentPort?.postMessage([number, await handle(job)])
  })
}
