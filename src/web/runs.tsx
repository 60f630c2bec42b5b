/** All runs: filtered, sorted, and chosen for a comparison; and the studies. */
import { useState } from 'preact/hooks'
import type { Overview, RunLine } from '../server/dashboard/messages.ts'
import { useLoad } from './api.ts'
import { counted, percent, range, when } from './format.ts'
import { address, State, Waiting } from './parts.tsx'
import { Table } from './table.tsx'

export function Runs() {
  const loaded = useLoad<Overview>('api/overview', 3)
  return (
    <Waiting loaded={loaded} what="runs">
      {overview =>
        overview.runs.length + overview.studies.length === 0 ? (
          <Nothing folder={overview.folder} />
        ) : (
          <Listed {...overview} />
        )
      }
    </Waiting>
  )
}

const Nothing = ({ folder }: { folder: string }) => (
  <div class="card empty">
    <h1>No runs yet</h1>
    <p>
      Runs in <code>{folder}</code> appear here while they train.
    </p>
    <p>
      Begin with <code>regraft train photos</code>, where <code>photos</code> has a folder for each class.
    </p>
  </div>
)

function Listed({ runs, studies, damaged, folder }: Overview) {
  const [filter, setFilter] = useState('')
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const words = filter.toLowerCase().split(/\s+/)
  const shown = runs.filter(run => {
    const text = [run.id, run.network, run.data, run.state, ...Object.entries(run.settings).map(pair => pair.join('='))]
    return words.every(word => text.join(' ').toLowerCase().includes(word))
  })
  const toggle = (id: string) => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  return (
    <>
      <div class="row spread">
        <h1>Runs</h1>
        <span class="soft">
          {counted(runs.length, 'run')} in {folder}
        </span>
      </div>
      <section class="card">
        <div class="row spread">
          <label>
            Filter
            <input
              type="search"
              value={filter}
              placeholder="resnet50 lrHead=0.01"
              onInput={event => setFilter(event.currentTarget.value)}
            />
          </label>
          {chosen.size > 1 ? (
            <a class="button" href={address.compare([...chosen])}>
              Compare {chosen.size} runs
            </a>
          ) : (
            <span class="soft">Choose two or more to compare them</span>
          )}
        </div>
        {shown.length === 0 ? (
          <p class="empty">No run matches.</p>
        ) : (
          <Table<RunLine>
            caption="Runs"
            rows={shown}
            columns={[
              {
                name: 'Choose',
                cell: run => (
                  <input
                    type="checkbox"
                    aria-label={`compare ${run.id}`}
                    checked={chosen.has(run.id)}
                    onChange={() => toggle(run.id)}
                  />
                ),
              },
              { name: 'Run', by: run => run.id, wrap: true, cell: run => <a href={address.run(run.id)}>{run.id}</a> },
              { name: 'State', by: run => run.state, cell: run => <State state={run.state} /> },
              { name: 'Network', minor: true, by: run => run.network, cell: run => run.network },
              { name: 'Data', minor: true, by: run => run.data, cell: run => run.data },
              { name: 'Epochs', minor: true, by: run => run.epochs, cell: run => `${run.epochs} of ${run.ofEpochs}` },
              { name: 'Validation', by: run => run.best, cell: run => percent(run.best) },
              {
                name: 'Test',
                by: run => run.test,
                cell: run => <span title={range(run.interval)}>{percent(run.test)}</span>,
              },
              { name: 'Started', minor: true, by: run => run.started, cell: run => when(run.started) },
            ]}
          />
        )}
      </section>
      {studies.length > 0 && (
        <section class="card">
          <h2>Studies</h2>
          <Table
            caption="Studies"
            rows={studies}
            columns={[
              {
                name: 'Study',
                by: study => study.id,
                wrap: true,
                cell: study => <a href={address.study(study.id)}>{study.id === '.' ? study.name : study.id}</a>,
              },
              { name: 'Kind', minor: true, by: study => study.kind, cell: study => study.kind },
              { name: 'Data', minor: true, by: study => study.data, cell: study => study.data },
              { name: 'Runs', by: study => study.done, cell: study => `${study.done} of ${study.cells}` },
              { name: 'Started', minor: true, by: study => study.started, cell: study => when(study.started) },
            ]}
          />
        </section>
      )}
      {damaged.length > 0 && (
        <section class="card error">
          <h2>Runs that cannot be read</h2>
          <ul>
            {damaged.map(words => (
              <li key={words}>{words}</li>
            ))}
          </ul>
        </section>
      )}
    </>
  )
}
