/** Sends images to a model that is served: `regraft serve runs/photos`, then this program with the address and files. */
import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'

interface Answer {
  readonly predictions: readonly {
    readonly name: string
    readonly scores?: readonly { readonly class: string; readonly probability: number }[]
    readonly error?: string
  }[]
}

const [address = 'http://127.0.0.1:8080', ...files] = process.argv.slice(2)
const form = new FormData()
for (const file of files) form.append('image', await openAsBlob(file), basename(file))

// A server beyond this machine demands a token
const token = process.env.REGRAFT_TOKEN
const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` }
const response = await fetch(`${address}/v1/predict?top=3`, { method: 'POST', body: form, headers })
if (!response.ok) {
  const { error } = (await response.json()) as { error: string }
  console.error(`${response.status}: ${error}`)
  process.exit(1)
}
const { predictions } = (await response.json()) as Answer
for (const { name, scores, error } of predictions)
  console.log(
    name,
    error ?? scores?.map(score => `${score.class} ${(100 * score.probability).toFixed(1)} %`).join(', '),
  )
