/** Clients of a server: each asks again as soon as it has its answer. */
import { Agent, request } from 'node:http'

export interface Load {
  /** Requests that were answered with 200. */
  readonly answered: number
  /** All others, by status; 0 where a connection broke. */
  readonly others: ReadonlyMap<number, number>
  readonly seconds: number
  /** Milliseconds that a share of the answers took at most. */
  percentile(share: number): number
}

/**
 * Asks `POST /v1/predict` what images show, one a request.
 * @param seconds how long; each client then waits for its last answer
 */
export async function putLoad(
  url: string,
  images: readonly Uint8Array[],
  clients: number,
  seconds: number,
): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const bodies = images.map(formOf)
  const times: number[] = []
  const others = new Map<number, number>()
  const began = performance.now()
  const client = async (first: number) => {
    for (let i = first; performance.now() - began < 1000 * seconds; i += clients) {
      const sent = performance.now()
      const status = await ask(`${url}/v1/predict?top=1`, bodies[i % bodies.length]!, agent)
      if (status === 200) times.push(performance.now() - sent)
      else others.set(status, (others.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, i) => client(i)))
  const took = (performance.now() - began) / 1000
  agent.destroy()
  times.sort((a, b) => a - b)
  return {
    answered: times.length,
    others,
    seconds: took,
    percentile: share => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN,
  }
}

const boundary = 'regraft-load'

const formOf = (image: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="image"; filename="image.jpg"\r\n\r\n`),
    image,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])

const ask = (url: string, body: Buffer, agent: Agent): Promise<number> =>
  new Promise(resolve => {
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': body.length }
    const sent = request(url, { method: 'POST', headers, agent }, answer => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0))
    })
    sent.on('error', () => resolve(0))
    sent.end(body)
  })
