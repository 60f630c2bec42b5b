/** Small things that every view uses: states of loading, errors, emptiness, and of runs. */
import type { ComponentChildren } from 'preact'
import type { RunState } from '../server/dashboard/messages.ts'
import type { Loaded } from './api.ts'

export const State = ({ state }: { state: RunState | string }) => <span class={`state ${state}`}>{state}</span>

export const Failure = ({ words }: { words: string }) => (
  <div class="card error" role="alert">
    <h2>That did not work</h2>
    <p>{words}</p>
  </div>
)

/** What is loaded, or why it is not; words while it is on its way. */
export function Waiting<T>({
  loaded,
  what,
  children,
}: {
  loaded: Loaded<T>
  what: string
  children: (value: T) => ComponentChildren
}) {
  if (loaded.value !== undefined)
    return (
      <>
        {loaded.error !== undefined && <Failure words={loaded.error} />}
        {children(loaded.value)}
      </>
    )
  return loaded.error === undefined ? (
    <p class="empty" role="status">
      Loading {what} …
    </p>
  ) : (
    <Failure words={loaded.error} />
  )
}

export const Tile = ({ name, value, more }: { name: string; value: ComponentChildren; more?: string }) => (
  <div class="tile">
    <span class="soft">{name}</span>
    <b>{value}</b>
    {more && <span class="soft">{more}</span>}
  </div>
)

export const address = {
  run: (id: string) => `#/run/${encodeURIComponent(id)}`,
  study: (id: string) => `#/study/${encodeURIComponent(id)}`,
  compare: (ids: readonly string[]) => `#/compare/${ids.map(encodeURIComponent).join('/')}`,
}
