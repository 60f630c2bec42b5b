/** The exported page: takes images by drop, paste or choice, and shows the five best classes of each. */
import type { Asked, Described, Told } from './messages.ts'

const element = <Type extends HTMLElement>(id: string) => document.getElementById(id) as Type
const status = element('status')
const results = element('results')
const drop = element('drop')

/** An element with a text, which is never read as HTML. */
function create(name: string, text = '', className = ''): HTMLElement {
  const made = document.createElement(name)
  made.textContent = text
  made.className = className
  return made
}

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
const described = fetch('./model.json').then(answer => answer.json() as Promise<Described>)
described.then(
  ({ network, classes }) => {
    element('about').textContent = `${network}, ${classes.length} classes`
  },
  () => {
    status.textContent = 'model.json could not be read; serve the whole folder over HTTP'
    status.className = 'wrong'
  },
)

const waiting = new Map<number, HTMLElement>()
let count = 0

function take(files: Iterable<File>): void {
  for (const file of files) {
    const card = create('article')
    const picture = document.createElement('img')
    picture.alt = file.name
    picture.src = URL.createObjectURL(file)
    const answer = create('div')
    answer.append(create('h2', file.name), create('p', 'Classifying …', 'soft'))
    card.append(picture, answer)
    results.prepend(card)
    waiting.set(++count, answer)
    worker.postMessage({ id: count, image: file } satisfies Asked)
  }
}

function show(answer: HTMLElement, probabilities: Float32Array, classes: readonly string[]): void {
  const best = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!).slice(0, 5)
  const list = create('ol')
  for (const at of best) {
    const share = probabilities[at]!
    const bar = document.createElement('progress')
    bar.value = share
    bar.setAttribute('aria-label', classes[at]!)
    const item = create('li')
    item.append(create('span', classes[at]), create('span', `${(100 * share).toFixed(1)} %`), bar)
    list.append(item)
  }
  answer.lastElementChild!.replaceWith(list)
}

worker.onmessage = async ({ data }: MessageEvent<Told>) => {
  if (data.kind === 'ready') {
    status.textContent = 'Ready'
    return
  }
  const answer = data.id === undefined ? undefined : waiting.get(data.id)
  if (data.kind === 'classified' && answer) {
    show(answer, data.probabilities, (await described).classes)
    status.textContent = `Classified in ${data.ms.toFixed(0)} ms`
  } else if (data.kind === 'failed') {
    const words = create('p', data.message, 'wrong')
    if (answer) answer.lastElementChild!.replaceWith(words)
    else status.replaceChildren(words)
  }
}
worker.onerror = () => {
  status.textContent = 'The model could not be started; serve this folder over HTTP, not from the disk'
  status.className = 'wrong'
}

element<HTMLInputElement>('file').onchange = ({ currentTarget }) => {
  const input = currentTarget as HTMLInputElement
  take(input.files ?? [])
  input.value = ''
}
addEventListener('paste', ({ clipboardData }) => take(clipboardData?.files ?? []))
addEventListener('dragover', event => {
  event.preventDefault()
  drop.classList.add('over')
})
addEventListener('dragleave', () => drop.classList.remove('over'))
addEventListener('drop', event => {
  event.preventDefault()
  drop.classList.remove('over')
  take(event.dataTransfer?.files ?? [])
})
