/** Runs side by side: overlaid curves, and the settings in which they differ. */
import { useMemo, useState } from 'preact/hooks'
import type { Overview } from '../server/dashboard/messages.ts'
import { useLive, useLoad } from './api.ts'
import { Curve, type Line, smoothed } from './curve.tsx'
import { percent, range } from './format.ts'
import { address, State, Waiting } from './parts.tsx'
import { Table } from './table.tsx'

/** Runs whose curves are drawn: as many as the server follows for one page. */
const MOST_CURVES = 50

export function Compare({ ids }: { ids: readonly string[] }) {
  const loaded = useLoad<Overview>('api/overview')
  const followed = ids.slice(0, MOST_CURVES)
  const live = useLive(followed)
  const [share, setShare] = useState(0)
  const curves = useMemo(() => {
    const of = (pick: 'valTop1' | 'trainLoss'): Line[] =>
      followed.map((id, i) => ({
        name: id,
        colour: i,
        dashed: i >= 6,
        values: smoothed(
          (live.get(id)?.history ?? []).map(epoch => epoch[pick]),
          share,
        ),
      }))
    return { accuracy: of('valTop1'), loss: of('trainLoss') }
  }, [live, share, ids.join('\n')])
  return (
    <Waiting loaded={loaded} what="runs">
      {overview => {
        const runs = ids.flatMap(id => overview.runs.filter(run => run.id === id))
        const names = [...new Set(runs.flatMap(run => Object.keys(run.settings)))].filter(
          name => new Set(runs.map(run => run.settings[name])).size > 1,
        )
        const data = new Set(runs.map(run => run.data))
        return (
          <>
            <div class="row spread">
              <h1>{runs.length} runs compared</h1>
              <label>
                Smoothing
                <input
                  type="range"
                  min="0"
                  max="0.95"
                  step="0.05"
                  value={share}
                  onInput={event => setShare(Number(event.currentTarget.value))}
                />
                <output>{share.toFixed(2)}</output>
              </label>
            </div>
            {data.size > 1 && (
              <p class="card error">
                These runs were trained on different images ({[...data].join(', ')}): their accuracies cannot be
                compared.
              </p>
            )}
            {ids.length > MOST_CURVES && (
              <p class="soft">The curves of the first {MOST_CURVES} runs are drawn; the table has all of them.</p>
            )}
            <div class="two">
              <Curve title="Validation accuracy (top-1)" lines={curves.accuracy} percent />
              <Curve title="Training loss" lines={curves.loss} />
            </div>
            <section class="card">
              <h2>Results, and the settings that differ</h2>
              <Table
                caption="Compared runs"
                rows={runs}
                columns={[
                  {
                    name: 'Run',
                    by: run => run.id,
                    wrap: true,
                    cell: run => <a href={address.run(run.id)}>{run.id}</a>,
                  },
                  {
                    name: 'State',
                    by: run => run.state,
                    cell: run => <State state={live.get(run.id)?.state ?? run.state} />,
                  },
                  { name: 'Validation', by: run => run.best, cell: run => percent(run.best) },
                  { name: 'Test', by: run => run.test, cell: run => percent(run.test) },
                  { name: '95 % interval', cell: run => range(run.interval) },
                  ...names.map(name => ({
                    name,
                    by: (run: (typeof runs)[number]) => run.settings[name],
                    cell: (run: (typeof runs)[number]) => run.settings[name] ?? '–',
                  })),
                ]}
              />
            </section>
          </>
        )
      }}
    </Waiting>
  )
}
