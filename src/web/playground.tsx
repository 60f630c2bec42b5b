/** The playground: drop, paste or photograph an image, and see what a run's model takes it for, and where it sees that. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Explained, Overview } from '../server/dashboard/messages.ts'
import { ask, query, useLoad } from './api.ts'
import { percent } from './format.ts'
import { Failure, Waiting } from './parts.tsx'

export function Playground() {
  const loaded = useLoad<Overview>('api/overview')
  return (
    <Waiting loaded={loaded} what="models">
      {({ runs }) => {
        const done = runs.filter(run => run.state === 'done')
        const finished = done.sort((a, b) => b.started.localeCompare(a.started)).map(run => run.id)
        return finished.length > 0 ? (
          <Try runs={finished} />
        ) : (
          <div class="card empty">
            <h1>No model yet</h1>
            <p>Once a run has finished, its model can be tried here.</p>
          </div>
        )
      }}
    </Waiting>
  )
}

function Try({ runs }: { runs: readonly string[] }) {
  const [run, setRun] = useState(runs[0]!)
  const [image, setImage] = useState<{ file: File; url: string }>()
  const [name, setName] = useState<string>()
  const [answer, setAnswer] = useState<Explained>()
  const [failed, setFailed] = useState<string>()
  const [over, setOver] = useState(false)
  const [heat, setHeat] = useState(true)
  const chooser = useRef<HTMLInputElement>(null)

  const take = (file: File | null | undefined) => {
    if (!file) return
    setImage(before => {
      if (before) URL.revokeObjectURL(before.url)
      return { file, url: URL.createObjectURL(file) }
    })
    setName(undefined)
  }
  useEffect(() => {
    const pasted = (event: ClipboardEvent) =>
      take([...(event.clipboardData?.files ?? [])].find(file => file.type.startsWith('image/')))
    addEventListener('paste', pasted)
    return () => removeEventListener('paste', pasted)
  }, [])
  useEffect(() => {
    if (!image) return
    let left = false
    const body = new FormData()
    body.append('image', image.file)
    setFailed(undefined)
    ask<Explained>(query('api/explain', { run, class: name }), { method: 'POST', body }).then(
      value => left || setAnswer(value),
      error => {
        if (left) return
        setAnswer(undefined)
        setFailed(error.message)
      },
    )
    return () => {
      left = true
    }
  }, [run, image, name])

  return (
    <>
      <div class="row spread">
        <h1>Playground</h1>
        <label class="most">
          Model
          <select value={run} onChange={event => setRun(event.currentTarget.value)}>
            {runs.map(id => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="two">
        <section class="card">
          {/* biome-ignore lint/a11y/useSemanticElements: images are dropped here; what can be pressed are the buttons in it */}
          <div
            class={over ? 'drop over' : 'drop'}
            role="group"
            aria-label="the image"
            onDragOver={event => {
              event.preventDefault()
              setOver(true)
            }}
            onDragLeave={() => setOver(false)}
            onDrop={event => {
              event.preventDefault()
              setOver(false)
              take(event.dataTransfer?.files[0])
            }}
          >
            {image ? (
              <img
                class="seen"
                src={heat && answer && !failed ? answer.overlay : image.url}
                alt={answer ? `the image, taken for ${answer.class}` : 'the image'}
              />
            ) : (
              <p>Drop an image here, or paste one.</p>
            )}
            <p class="row">
              <button type="button" class="main" onClick={() => chooser.current?.click()}>
                Choose or photograph
              </button>
              {answer && (
                <label>
                  <input type="checkbox" checked={heat} onChange={event => setHeat(event.currentTarget.checked)} />
                  Heat map of {answer.class}
                </label>
              )}
            </p>
            <input
              ref={chooser}
              type="file"
              accept="image/*"
              hidden
              aria-label="image"
              onChange={event => take(event.currentTarget.files?.[0])}
            />
          </div>
        </section>
        <section class="card" aria-live="polite">
          <h2>What it is taken for</h2>
          {failed && <Failure words={failed} />}
          {!image && (
            <p class="empty">The five best classes appear here. Choose one of them to see where the network sees it.</p>
          )}
          {image && !answer && !failed && (
            <p class="empty" role="status">
              Looking …
            </p>
          )}
          {answer?.rejected && !failed && (
            <p class="doubt">
              <b>Perhaps none of these.</b> The network is less sure of it than of 95 % of the validation images that it
              got right.
            </p>
          )}
          {answer && !failed && (
            <div class="bars">
              {answer.scores.map(score => (
                <div class="bar" key={score.class}>
                  <span class="name">
                    <button
                      type="button"
                      aria-pressed={answer.class === score.class}
                      onClick={() => setName(score.class)}
                    >
                      {score.class}
                    </button>
                  </span>
                  <progress max={1} value={score.probability} aria-label={score.class} />
                  <span>{percent(score.probability)}</span>
                </div>
              ))}
            </div>
          )}
        </section>
      </div>
    </>
  )
}
