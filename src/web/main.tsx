/** The page: which view an address shows. */
import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Compare } from './compare.tsx'
import icon from './icon.svg'
import { Playground } from './playground.tsx'
import { Run } from './run.tsx'
import { Runs } from './runs.tsx'
import { Study } from './study.tsx'

/** An address that was typed or cut off may be none: it then names no run, in words. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function useAddress(): readonly string[] {
  const read = () => location.hash.replace(/^#\/?/, '').split('/').map(decoded)
  const [parts, setParts] = useState(read)
  useEffect(() => {
    const changed = () => {
      setParts(read())
      scrollTo(0, 0)
    }
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return parts
}

function View({ parts: [view, ...rest] }: { parts: readonly string[] }) {
  if (view === 'run' && rest[0]) return <Run key={rest[0]} id={rest[0]} />
  if (view === 'study' && rest[0]) return <Study key={rest[0]} id={rest[0]} />
  if (view === 'compare' && rest.length > 0) return <Compare ids={rest} />
  if (view === 'try') return <Playground />
  return <Runs />
}

function Page() {
  const parts = useAddress()
  const title = parts[0] === 'try' ? 'Playground' : parts[0] === 'compare' ? 'Comparison' : (parts[1] ?? 'Runs')
  useEffect(() => {
    document.title = `${title} · Regraft`
  }, [title])
  const current = (name: string) => ((parts[0] === 'try') === (name === 'try') ? 'page' : undefined)
  return (
    <>
      <button type="button" class="skip" onClick={() => document.querySelector<HTMLElement>('main')?.focus()}>
        To the content
      </button>
      <header>
        <a class="brand" href="#/">
          <img src={icon} alt="" /> Regraft
        </a>
        <nav aria-label="Views">
          <a href="#/" aria-current={current('runs')}>
            Runs
          </a>
          <a href="#/try" aria-current={current('try')}>
            Playground
          </a>
        </nav>
      </header>
      <main id="content" tabIndex={-1}>
        <View parts={parts} />
      </main>
    </>
  )
}

render(<Page />, document.querySelector('#app')!)
