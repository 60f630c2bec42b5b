/** Takes a study out of the queue: what waits is removed, workers leave what they have at its last checkpoint, and its follower ends. */
import type { Redis } from 'ioredis'
import { RegraftError } from '../../base/errors.js'
import { didYouMean } from '../../base/suggest.js'
import { announced, leaveWord, prefix, withdraw } from './registry.js'

/**
 * @param name as its file names it, or its folder where several studies are called so
 * @returns how many trials waited or ran, and the study's folder as its own machine sees it
 * @throws RegraftError('usage') where no study, or more than one, is called so
 */
export async function withdrawStudy(redis: Redis, name: string): Promise<{ trials: number; folder: string }> {
  const { Queue } = await import('bullmq')
  const studies = await announced(redis)
  const found = studies.filter(study => study.name === name || study.folder === name)
  const [study] = found
  if (!study) {
    const names = [...new Set(studies.map(one => one.name))]
    const there = names.length > 0 ? ` In the queue: ${names.join(', ')}` : ' The queue holds none.'
    throw new RegraftError('usage', `no study ${name} stands in the queue${didYouMean(name, names)}${there}`)
  }
  if (found.length > 1)
    throw new RegraftError(
      'usage',
      `${found.length} studies are called ${name}; name the folder of one: ${found.map(({ folder }) => folder).join(', ')}`,
    )
  await leaveWord(redis, study.id)
  await withdraw(redis, study.id)
  let trials = 0
  for (const { name: queueName } of study.queues) {
    const queue = new Queue(queueName, { connection: redis, prefix })
    queue.on('error', () => {})
    trials += await queue.getJobCountByTypes('waiting', 'prioritized', 'delayed', 'active')
    await queue.obliterate({ force: true })
    await queue.close()
  }
  return { trials, folder: study.folder }
}
