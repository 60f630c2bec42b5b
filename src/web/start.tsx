/** Starts a run like another one, with other settings. */
import { useState } from 'preact/hooks'
import type { RunDetail } from '../server/dashboard/messages.ts'
import { ask } from './api.ts'
import { address, Failure } from './parts.tsx'

export function StartLike({ run }: { run: RunDetail }) {
  const { settings } = run
  const [name, setName] = useState(`${(run.id.split('/').pop() ?? 'run').replace(/^\.$/, 'run')}-next`)
  const [values, setValues] = useState({
    epochs: settings.epochs ?? '',
    lrBackbone: settings.lrBackbone ?? '',
    lrHead: settings.lrHead ?? '',
    seed: settings.seed ?? '',
  })
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<string>()
  const start = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    setFailed(undefined)
    const numbers = Object.fromEntries(
      Object.entries(values)
        .filter(([, text]) => text !== '')
        .map(([key, text]) => [key, Number(text)]),
    )
    try {
      const body = JSON.stringify({ from: run.id, name, ...numbers })
      const started = await ask<{ run: string }>('api/start', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      })
      location.hash = address.run(started.run)
    } catch (error) {
      setFailed((error as Error).message)
    } finally {
      setBusy(false)
    }
  }
  const fields = [
    ['epochs', 'Epochs'],
    ['lrBackbone', 'Learning rate of the trunk'],
    ['lrHead', 'Learning rate of the head'],
    ['seed', 'Seed'],
  ] as const
  return (
    <section class="card">
      <h2>Train again with other settings</h2>
      <p class="soft">On the same images, with everything else as in this run. It goes on when this page is closed.</p>
      <form class="row" onSubmit={start}>
        <label>
          Name
          <input required value={name} onInput={event => setName(event.currentTarget.value)} />
        </label>
        {fields.map(([key, title]) => (
          <label key={key}>
            {title}
            <input
              inputMode="decimal"
              size={9}
              value={values[key]}
              onInput={event => setValues({ ...values, [key]: event.currentTarget.value })}
            />
          </label>
        ))}
        <button class="main" type="submit" disabled={busy}>
          {busy ? 'Starting …' : 'Start'}
        </button>
      </form>
      {failed && <Failure words={failed} />}
    </section>
  )
}
