/** Curves over epochs, drawn by uPlot in the page's colours. */
import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface Line {
  readonly name: string
  /** Index of its colour. */
  readonly colour: number
  readonly dashed?: boolean
  /** A value for each epoch from 1 on; undefined where there is none. */
  readonly values: readonly (number | undefined)[]
}

const SERIES = 6
const tint = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name)
/** A colour of the sheet, resolved for the scheme that is on. */
function colour(name: string): string {
  const probe = document.createElement('i')
  probe.style.color = tint(name)
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

/** A mean that forgets: each value counts by 1 - share, what came before by share. */
export function smoothed(values: readonly (number | undefined)[], share: number): (number | undefined)[] {
  let mean: number | undefined
  return values.map(value => {
    if (value === undefined) return undefined
    mean = mean === undefined ? value : share * mean + (1 - share) * value
    return mean
  })
}

export function Curve({ title, lines, percent }: { title: string; lines: readonly Line[]; percent?: boolean }) {
  const place = useRef<HTMLDivElement>(null)
  const [scheme, setScheme] = useState(0)
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const changed = () => setScheme(n => n + 1)
    dark.addEventListener('change', changed)
    return () => dark.removeEventListener('change', changed)
  }, [])
  const longest = Math.max(0, ...lines.map(({ values }) => values.length))
  useEffect(() => {
    const at = place.current
    if (!at || longest === 0) return
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } }
    const show = (value: number | null) =>
      value == null ? '' : percent ? `${(100 * value).toFixed(1)} %` : value.toFixed(3)
    const plot = new uPlot(
      {
        width: at.clientWidth,
        height: 260,
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false } },
        axes: [
          { ...axis, label: 'epoch', labelSize: 22, incrs: [1, 2, 5, 10, 20, 50, 100] },
          {
            ...axis,
            size: 64,
            values: (_, ticks) => ticks.map(tick => (percent ? `${Math.round(1000 * tick) / 10} %` : String(tick))),
          },
        ],
        series: [
          {},
          ...lines.map(line => ({
            label: line.name,
            stroke: colour(`--series-${(line.colour % SERIES) + 1}`),
            width: 2,
            ...(line.dashed ? { dash: [5, 4] } : {}),
            points: { show: longest < 40 },
            value: (_: uPlot, value: number | null) => show(value),
          })),
        ],
      },
      [
        Array.from({ length: longest }, (_, i) => i + 1),
        ...lines.map(({ values }) => Array.from({ length: longest }, (_, i) => values[i] ?? null)),
      ],
      at,
    )
    const resized = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height: 260 }))
    resized.observe(at)
    return () => {
      resized.disconnect()
      plot.destroy()
    }
  }, [lines, longest, percent, scheme])
  const last = (values: readonly (number | undefined)[]) => values.findLast(value => value !== undefined)
  const told = lines.map(({ name, values }) => `${name} ${last(values)?.toFixed(3) ?? 'none yet'}`).join(', ')
  return (
    <figure class="card">
      <h2>{title}</h2>
      {longest === 0 ? (
        <p class="empty">No epoch has ended yet.</p>
      ) : (
        <div ref={place} class="plot" role="img" aria-label={`${title} over ${longest} epochs; last: ${told}`} />
      )}
      <figcaption class="legend">
        {lines.map(line => (
          <span key={line.name} style={{ '--own': `var(--series-${(line.colour % SERIES) + 1})` }}>
            {line.name}
            {line.dashed ? ' (dashed)' : ''}
          </span>
        ))}
      </figcaption>
    </figure>
  )
}
