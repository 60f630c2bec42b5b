/** A study: what of it runs where, its cells as a table, and as lines over parallel axes. */
import { useState } from 'preact/hooks'
import type { StudyDetail } from '../server/dashboard/messages.ts'
import { query, useLoad } from './api.ts'
import { AtWork, standing } from './atWork.tsx'
import { percent } from './format.ts'
import { address, State, Waiting } from './parts.tsx'
import { Table } from './table.tsx'

type Row = StudyDetail['rows'][number]

export function Study({ id }: { id: string }) {
  const loaded = useLoad<StudyDetail>(query('api/study', { study: id }), 5)
  const [chosen, setChosen] = useState<number>()
  return (
    <Waiting loaded={loaded} what="the study">
      {study => (
        <>
          <h1>{study.name}</h1>
          <p class="soft">
            {study.kind} on {study.data}: {standing(study)}
          </p>
          <AtWork study={study} />
          <section class="card">
            <h2>Settings and accuracy</h2>
            <p class="soft">
              A line is a cell: where it crosses an axis is its setting; the last axis is its validation accuracy.
            </p>
            <Parallel study={study} chosen={chosen} choose={setChosen} />
          </section>
          <section class="card">
            <h2>Cells</h2>
            <Table<Row>
              caption="Cells of the study"
              rows={study.rows}
              columns={[
                ...study.options.map(name => ({
                  name,
                  by: (row: Row) => row.settings[name],
                  cell: (row: Row) => row.settings[name],
                })),
                { name: 'Validation', by: row => row.validation, cell: row => percent(row.validation) },
                { name: 'Test', by: row => row.test, cell: row => percent(row.test) },
                { name: 'Epochs run', by: row => row.epochs, cell: row => row.epochs ?? '–' },
                {
                  name: 'Runs',
                  cell: row =>
                    row.runs.map(run => (
                      <span key={run.id} title={run.reason}>
                        {run.state === 'waiting' ? (
                          <State state="waiting" />
                        ) : (
                          <a href={address.run(run.id)}>
                            <State state={run.state} />
                          </a>
                        )}{' '}
                      </span>
                    )),
                },
              ]}
            />
          </section>
        </>
      )}
    </Waiting>
  )
}

/** Places of values on an axis: numbers by size, the smallest below; other values in their order. */
function axis(values: readonly string[]): { at: (value: string) => number; ticks: readonly string[] } {
  const ticks = [...new Set(values)].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }))
  if (ticks.every(value => Number.isFinite(Number(value)))) ticks.sort((a, b) => Number(a) - Number(b))
  return { at: value => (ticks.length === 1 ? 0.5 : ticks.indexOf(value) / (ticks.length - 1)), ticks }
}

function Parallel({
  study,
  chosen,
  choose,
}: {
  study: StudyDetail
  chosen: number | undefined
  choose: (row: number | undefined) => void
}) {
  const rows = study.rows.map((row, index) => ({ ...row, index })).filter(row => row.validation !== undefined)
  if (rows.length === 0) return <p class="empty">No run has ended yet.</p>
  const [width, top, bottom] = [1000, 40, 320]
  const x = (i: number) => 90 + (i * (width - 180)) / Math.max(1, study.options.length)
  const y = (share: number) => bottom - share * (bottom - top)
  const accuracies = rows.map(row => row.validation!)
  const [low, high] = [Math.min(...accuracies), Math.max(...accuracies)]
  const height = (value: number) => y(high === low ? 0.5 : (value - low) / (high - low))
  const axes = study.options.map(name => ({ name, ...axis(rows.map(row => row.settings[name]!)) }))
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section class="scroll" aria-label="Parallel coordinates" tabIndex={0}>
      <svg
        class="parallel"
        viewBox={`0 0 ${width} 350`}
        role="img"
        aria-label={`${rows.length} cells; validation accuracy from ${percent(low)} to ${percent(high)}`}
      >
        {rows.map(row => {
          const points = [
            ...axes.map((one, i) => `${x(i)},${y(one.at(row.settings[one.name]!))}`),
            `${x(axes.length)},${height(row.validation!)}`,
          ]
          const good = high === low ? 1 : (row.validation! - low) / (high - low)
          return (
            // biome-ignore lint/a11y/noStaticElementInteractions: it only marks what the pointer is at; the table has it all
            <path
              key={row.index}
              d={`M${points.join('L')}`}
              class={chosen === row.index ? 'on' : undefined}
              stroke={`color-mix(in oklab, var(--series-1) ${Math.round(100 * good)}%, var(--series-2))`}
              onMouseEnter={() => choose(row.index)}
              onMouseLeave={() => choose(undefined)}
            >
              <title>{`${study.options.map(name => `${name} ${row.settings[name]}`).join(', ')}: ${percent(row.validation)}`}</title>
            </path>
          )
        })}
        {axes.map((one, i) => (
          <g key={one.name}>
            <line x1={x(i)} x2={x(i)} y1={top} y2={bottom} />
            <text x={x(i)} y={18} text-anchor="middle">
              {one.name}
            </text>
            {one.ticks.map(tick => (
              <text key={tick} x={x(i) + 6} y={y(one.at(tick)) + 4}>
                {tick.slice(0, 14)}
              </text>
            ))}
          </g>
        ))}
        <line x1={x(axes.length)} x2={x(axes.length)} y1={top} y2={bottom} />
        <text x={x(axes.length)} y={18} text-anchor="middle">
          validation
        </text>
        <text x={x(axes.length) + 6} y={y(1) + 4}>
          {percent(high)}
        </text>
        {high !== low && (
          <text x={x(axes.length) + 6} y={y(0) + 4}>
            {percent(low)}
          </text>
        )}
      </svg>
    </section>
  )
}
