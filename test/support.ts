/** What end-to-end tests share: a folder of real images, and the command as a person runs it. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import sharp from 'sharp'

export const command = resolve('dist/cli/main.js')

/** A real browser: Debian's chromium, or what CHROMIUM names. */
export const chromiumHere = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  path => path !== undefined && existsSync(path),
)

/** What is remembered of folders that are gone a minute later has no place in the person's cache. */
const cache = mkdtempSync(join(tmpdir(), 'regraft-cache-'))
process.on('exit', () => rmSync(cache, { recursive: true, force: true }))

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

interface RunOptions {
  readonly cwd?: string
  /** May look at what was printed so far and kill the process. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void
  /** Kilobytes that a file may not grow beyond: what writes more fails as on a full disk. */
  readonly largestFile?: number
  /** Standard error takes itself for a terminal, so that progress is drawn at once. */
  readonly terminal?: boolean
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** A file that standard output goes into. */
  readonly output?: string
}

/** Runs `regraft` to its end. */
export function regraft(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((done, failed) => {
    const limit = options.largestFile ? `ulimit -f ${options.largestFile}; ` : ''
    const child = spawn(
      'bash',
      [
        '-c',
        `${limit}exec "$0" "$@"${options.output ? ` > ${options.output}` : ''}`,
        process.execPath,
        command,
        ...args,
      ],
      {
        cwd: options.cwd,
        env: {
          REGRAFT_CACHE: cache,
          ...process.env,
          NO_COLOR: '1',
          ...options.env,
          ...(options.terminal ? { NODE_OPTIONS: '--import=data:text/javascript,process.stderr.isTTY=true' } : {}),
        },
      },
    )
    let stdout = ''
    let stderr = ''
    const heard = () => options.onOutput?.(stdout + stderr, signal => child.kill(signal))
    child.stdout.on('data', chunk => {
      stdout += String(chunk)
      heard()
    })
    child.stderr.on('data', chunk => {
      stderr += String(chunk)
      heard()
    })
    child.on('error', failed)
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr }))
  })
}

/**
 * The same in this process, where everything is loaded already: for tests of what a command says and leaves, not of its
 * process. One at a time.
 */
export async function regraftHere(args: readonly string[], { cwd }: { readonly cwd?: string } = {}): Promise<Outcome> {
  // Read when it is loaded
  process.env.NO_COLOR = '1'
  process.env.REGRAFT_CACHE ??= cache
  const { runCommand } = await import('../dist/cli/run.js')
  const said = { stdout: '', stderr: '' }
  const streams = ['stdout', 'stderr'] as const
  const before = { cwd: process.cwd(), stdout: process.stdout.write, stderr: process.stderr.write }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'].map(name => [name, process.listeners(name)] as const)
  for (const name of streams)
    process[name].write = (text: string | Uint8Array) => {
      said[name] += String(text)
      return true
    }
  if (cwd) process.chdir(cwd)
  try {
    return { code: await runCommand(args), signal: null, ...said }
  } finally {
    process.chdir(before.cwd)
    for (const name of streams) process[name].write = before[name]
    // What the command would do at a signal, Vitest's own to end this process among them
    for (const [name, listeners] of signals) {
      process.removeAllListeners(name)
      for (const listener of listeners) process.on(name, listener)
    }
  }
}

/** A temporary folder that is removed by the returned function. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'regraft-test-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

const shapes = {
  circle: (x: number, y: number, r: number) => `<circle cx="${x}" cy="${y}" r="${r}"/>`,
  square: (x: number, y: number, r: number) => `<rect x="${x - r}" y="${y - r}" width="${2 * r}" height="${2 * r}"/>`,
  stripes: (_x: number, y: number, r: number) =>
    [0, 1, 2, 3].map(i => `<rect x="0" y="${(y + i * 2 * r) % 48}" width="48" height="${r / 2}"/>`).join(''),
}

/** Writes `perClass` JPEG files for each of three classes that are easy to tell apart. */
export async function shapeImages(folder: string, perClass: number): Promise<void> {
  for (const [name, draw] of Object.entries(shapes)) {
    await mkdir(join(folder, name), { recursive: true })
    for (let i = 0; i < perClass; i++) {
      // No two in the same place: recoloured copies would be kept on one side of the split
      const [x, y, r] = [13 + ((i * 7) % 23), 14 + ((i * 11) % 19), 7 + (i % 5)]
      const colour = `hsl(${(i * 47) % 360} 80% ${35 + (i % 3) * 10}%)`
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48"><rect width="48" height="48" fill="#eee"/><g fill="${colour}">${draw(x, y, r)}</g></svg>`
      await sharp(Buffer.from(svg))
        .jpeg()
        .toFile(join(folder, name, `${i}.jpg`))
    }
  }
}
