/** Asks the server, and keeps what a view shows up to date. */
import { useEffect, useState } from 'preact/hooks'
import type { LiveRun } from '../server/dashboard/messages.ts'

export async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  let answer: Response
  try {
    answer = await fetch(path, init)
  } catch {
    throw new Error('The server does not answer. Is `regraft serve` still running?')
  }
  if (answer.ok) return answer.json()
  const body = await answer.json().catch(() => undefined)
  throw new Error(body?.error ?? `The server answered ${answer.status}.`)
}

export const query = (path: string, values: Record<string, string | number | undefined>): string => {
  const known = Object.entries(values).filter(([, value]) => value !== undefined)
  return `${path}?${new URLSearchParams(known.map(([name, value]) => [name, String(value)]))}`
}

export type Loaded<T> = { readonly value?: T; readonly error?: string }

/** What is at a path, asked again every `seconds` where that is given. */
export function useLoad<T>(path: string, seconds?: number): Loaded<T> & { again: () => void } {
  const [loaded, setLoaded] = useState<Loaded<T> & { path?: string }>({})
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let left = false
    ask<T>(path).then(
      value => left || setLoaded({ value, path }),
      error => left || setLoaded(before => ({ ...before, error: error.message, path })),
    )
    const timer = seconds === undefined ? undefined : setTimeout(() => setTurn(turn + 1), 1000 * seconds)
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [path, turn, seconds])
  const current = loaded.path === path ? loaded : {}
  return { ...current, again: () => setTurn(turn + 1) }
}

/** What becomes of runs, as their folders change. */
export function useLive(runs: readonly string[]): ReadonlyMap<string, LiveRun> {
  const [known, setKnown] = useState<ReadonlyMap<string, LiveRun>>(new Map())
  const key = runs.join('\n')
  useEffect(() => {
    if (runs.length === 0) return
    let stream: EventSource | undefined
    let again: ReturnType<typeof setTimeout> | undefined
    const close = () => {
      clearTimeout(again)
      stream?.close()
      stream = undefined
    }
    // A browser has six connections to a server, for all of its tabs: one that nobody sees needs none
    const follow = () => {
      close()
      if (document.visibilityState === 'hidden') return
      const own = new EventSource(`api/live?${new URLSearchParams(runs.map(run => ['run', run]))}`)
      stream = own
      own.addEventListener('run', event => {
        const live: LiveRun = JSON.parse(event.data)
        setKnown(before => new Map(before).set(live.run, live))
      })
      own.addEventListener('error', () => {
        // Where the server refuses, a browser does not ask again by itself
        if (own.readyState === EventSource.CLOSED) again = setTimeout(follow, 5000)
      })
    }
    follow()
    document.addEventListener('visibilitychange', follow)
    return () => {
      document.removeEventListener('visibilitychange', follow)
      close()
    }
  }, [key])
  return known
}
