/** The confusion matrix: rows are true classes, columns predicted ones; a cell shows its images. */
import { useState } from 'preact/hooks'
import { Gallery } from './gallery.tsx'

interface Cell {
  readonly true: string
  readonly predicted: string
}

const MOST_CELLS = 5000
/** Classes whose names have room beside the matrix, and letters of a name. */
const [MOST_NAMES, LETTERS] = [15, 14]
const short = (name: string): string => (name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name)

export function Confusion({
  run,
  classes,
  matrix,
}: {
  run: string
  classes: readonly string[]
  matrix: readonly (readonly number[])[]
}) {
  const [cell, setCell] = useState<Cell>()
  const side = classes.length
  const size = 600 / side
  const named = side <= MOST_NAMES
  const cells = matrix.flatMap((row, t) => {
    const images = row.reduce((sum, count) => sum + count, 0)
    return row.flatMap((count, p) => (count > 0 ? [{ t, p, count, share: count / images }] : []))
  })
  // A browser takes seconds for more than some thousand
  const drawn = cells.length > MOST_CELLS ? [...cells].sort((a, b) => b.count - a.count).slice(0, MOST_CELLS) : cells
  const confused = cells.filter(({ t, p }) => t !== p).sort((a, b) => b.count - a.count)
  return (
    <section class="card">
      <h2>Confusion matrix</h2>
      <p class="soft">
        Test images: true classes are rows, predicted classes columns. Choose a cell to see its images.
        {drawn.length < cells.length && ` The ${drawn.length.toLocaleString()} fullest cells are drawn.`}
      </p>
      <div class="two">
        {/* Beside it stands a list that is reached by keyboard, of the same cells */}
        <svg
          class="matrix"
          viewBox={named ? '-150 -110 850 712' : '0 0 600 600'}
          role="img"
          aria-label={`confusion matrix of ${side} classes; the confused pairs are listed beside it`}
        >
          <rect width="600" height="600" fill="none" stroke="var(--line)" />
          {named &&
            classes.map((name, i) => (
              <g key={name}>
                <text x="-8" y={(i + 0.5) * size + 6} text-anchor="end">
                  {short(name)}
                </text>
                <text transform={`translate(${(i + 0.5) * size} -8) rotate(-45)`}>{short(name)}</text>
              </g>
            ))}
          {drawn.map(({ t, p, count, share }) => (
            // biome-ignore lint/a11y/noStaticElementInteractions: the list beside it is reached by keyboard
            <rect
              key={`${t} ${p}`}
              x={p * size}
              y={t * size}
              width={size}
              height={size}
              fill={t === p ? 'var(--accent)' : 'var(--wrong)'}
              opacity={0.25 + 0.75 * share}
              onClick={() => setCell({ true: classes[t]!, predicted: classes[p]! })}
            >
              <title>{`${classes[t]} taken for ${classes[p]}: ${count}`}</title>
            </rect>
          ))}
        </svg>
        <div>
          <h3>Most confused</h3>
          {confused.length === 0 ? (
            <p>Nothing was confused.</p>
          ) : (
            <ol>
              {confused.slice(0, 15).map(({ t, p, count }) => (
                <li key={`${t} ${p}`}>
                  <button type="button" onClick={() => setCell({ true: classes[t]!, predicted: classes[p]! })}>
                    {classes[t]} → {classes[p]}
                  </button>{' '}
                  {count}
                </li>
              ))}
            </ol>
          )}
        </div>
      </div>
      {cell && (
        <div aria-live="polite">
          <h3>
            {cell.true === cell.predicted ? `${cell.true}, recognised` : `${cell.true} taken for ${cell.predicted}`}
          </h3>
          <Gallery run={run} cell={cell} />
        </div>
      )}
    </section>
  )
}
