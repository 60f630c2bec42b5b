/** One run: its curves while it trains, its results, what it confuses, its data and settings. */
import { useMemo, useState } from 'preact/hooks'
import type { EpochPoint, RunDetail } from '../server/dashboard/messages.ts'
import { ask, query, useLive, useLoad } from './api.ts'
import { Confusion } from './confusion.tsx'
import { Curve, type Line } from './curve.tsx'
import { Data } from './data.tsx'
import { counted, duration, percent, range, when } from './format.ts'
import { Gallery } from './gallery.tsx'
import { Failure, State, Tile, Waiting } from './parts.tsx'
import { StartLike } from './start.tsx'
import { Table } from './table.tsx'

export function Run({ id }: { id: string }) {
  const loaded = useLoad<RunDetail>(query('api/run', { run: id }))
  const live = useLive([id]).get(id)
  const finished = live?.state !== undefined && loaded.value !== undefined && live.state !== loaded.value.state
  // What a run has reached is read once it has ended
  const [seen, setSeen] = useState('')
  if (finished && seen !== live.state) {
    setSeen(live.state)
    loaded.again()
  }
  return (
    <Waiting loaded={loaded} what="the run">
      {run => <Shown run={run} state={live?.state ?? run.state} history={live?.history ?? run.history} />}
    </Waiting>
  )
}

function Shown({ run, state, history }: { run: RunDetail; state: string; history: readonly EpochPoint[] }) {
  const { result } = run
  const [view, setView] = useState<'mistakes' | 'data' | 'settings'>('mistakes')
  const loss = useMemo(
    (): Line[] => [
      { name: 'training', colour: 0, values: history.map(epoch => epoch.trainLoss) },
      { name: 'validation', colour: 1, dashed: true, values: history.map(epoch => epoch.valLoss) },
    ],
    [history],
  )
  const accuracy = useMemo(
    (): Line[] => [
      { name: 'training', colour: 0, values: history.map(epoch => epoch.trainTop1) },
      { name: 'validation', colour: 1, dashed: true, values: history.map(epoch => epoch.valTop1) },
    ],
    [history],
  )
  const last = history.at(-1)
  const best = Math.max(...history.map(epoch => epoch.valTop1 ?? 0))
  const left = last ? (run.ofEpochs - history.length) * last.seconds : 0
  return (
    <>
      <div class="row spread">
        <h1>{run.id}</h1>
        <div class="row">
          <State state={state} />
          {state === 'running' && run.stoppable && <Stop run={run.id} />}
        </div>
      </div>
      <p class="soft">
        {run.network} on {run.data}, {counted(run.classes, 'class', 'classes')}; started {when(run.started)} on{' '}
        {run.engine}, {run.cpu}
      </p>
      <div class="tiles">
        <Tile
          name="Epochs"
          value={`${history.length} of ${run.ofEpochs}`}
          {...(state === 'running' && last ? { more: `about ${duration(left)} left` } : {})}
        />
        <Tile name="Best validation" value={best > 0 ? percent(best) : '–'} more="top-1 accuracy" />
        {result?.test && <Tile name="Test" value={percent(result.test.top1)} more={range(result.test.interval)} />}
        {result?.test && (
          <Tile
            name="Mean per class"
            value={percent(result.test.meanPerClass)}
            more={`${counted(result.test.images, 'test image')}`}
          />
        )}
        {last && <Tile name="Speed" value={`${last.imagesPerSecond.toFixed(0)}/s`} more="training images" />}
        {result && <Tile name="Time" value={duration(result.seconds)} />}
      </div>
      <div class="two">
        <Curve title="Loss" lines={loss} />
        <Curve title="Top-1 accuracy" lines={accuracy} percent />
      </div>
      {result && result.confusion.length > 0 && (
        <Confusion run={run.id} classes={run.classNames} matrix={result.confusion} />
      )}
      <section class="card">
        <fieldset class="row plain">
          <legend class="unseen">What is shown</legend>
          {(['mistakes', 'data', 'settings'] as const).map(name => (
            <button
              key={name}
              type="button"
              class={view === name ? 'main' : undefined}
              aria-pressed={view === name}
              onClick={() => setView(name)}
            >
              {name === 'mistakes' ? 'Mistakes' : name === 'data' ? 'Data' : 'Settings'}
            </button>
          ))}
        </fieldset>
        {view === 'mistakes' &&
          (result ? <Gallery run={run.id} /> : <p class="empty">Mistakes are known once the run has finished.</p>)}
        {view === 'data' && <Data run={run} />}
        {view === 'settings' && <Settings settings={run.settings} />}
      </section>
      <StartLike run={run} />
    </>
  )
}

function Stop({ run }: { run: string }) {
  const [told, setTold] = useState<string>()
  const [failed, setFailed] = useState<string>()
  const stop = () =>
    ask(query('api/stop', { run }), { method: 'POST' }).then(
      () => setTold('It saves, then stops.'),
      error => setFailed(error.message),
    )
  if (failed) return <Failure words={failed} />
  return told ? (
    <span role="status">{told}</span>
  ) : (
    <button type="button" onClick={stop}>
      Stop
    </button>
  )
}

const Settings = ({ settings }: { settings: Readonly<Record<string, string>> }) => (
  <Table
    caption="Settings"
    rows={Object.entries(settings)}
    columns={[
      { name: 'Option', by: ([name]) => name, cell: ([name]) => <code>{name}</code> },
      { name: 'Value', wrap: true, cell: ([, value]) => value || '–' },
    ]}
  />
)
