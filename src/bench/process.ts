/** A process that runs one contender and is timed in turns with others. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Ending {
  readonly peakBytes: number
  /** In all runs; PyTorch's is not asked for. */
  readonly secondsByKernel?: Readonly<Record<string, number>>
}

export interface Contender {
  /** Seconds of each of `runs` runs. */
  time(runs: number): Promise<number[]>
  end(): Promise<Ending>
}

/** Starts a contender and waits until it has warmed up. @throws Error with what it printed where it dies */
export async function startContender(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Contender> {
  const child: ChildProcessWithoutNullStreams = spawn(command, args, { env: { ...process.env, ...environment } })
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += String(chunk)
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const failed = new Promise<never>((_, reject) => {
    child.on('error', reject)
    child.on(
      'exit',
      code => code && reject(new Error(`${command} ended with code ${code}: ${errors.trim().split('\n').at(-1)}`)),
    )
  })
  failed.catch(() => {})
  const answer = async (): Promise<string> => {
    const { value } = await Promise.race([lines.next(), failed])
    if (value === undefined) return failed
    return value
  }
  if ((await answer()) !== 'ready') throw new Error(`${command} did not say that it is ready`)
  return {
    time: async runs => {
      child.stdin.write(`go ${runs}\n`)
      return (JSON.parse(await answer()) as { seconds: number[] }).seconds
    },
    end: async () => {
      child.stdin.write('end\n')
      const ending = JSON.parse(await answer()) as Ending
      child.stdin.end()
      return ending
    },
  }
}
