/** Studies on many machines: a queue in Redis, who fills it and who works for it. Loaded only where a queue is named. */
export { connect, disconnect, type QueueAddress, queueAddress } from './connection.js'
export { followStudy } from './coordinator.js'
export { parseMount } from './places.js'
export { type QueueStatus, queueStatus, type StudyStatus } from './status.js'
export { withdrawStudy } from './withdraw.js'
export { runWorker } from './worker.js'
export type { WorkerOptions } from './workerOptions.js'
