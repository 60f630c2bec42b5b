/** Ctrl-C, a service that is stopped, a terminal that is closed: in every phase the command ends with 130 and says how to go on. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { regraft, regraftHere, shapeImages, temporaryFolder } from './support.js'

const network = ['--network', 'resnet18-narrow', '--batch-size', '8', '--augment', 'none', '--epochs', '2']
const frozen = ['--lr-backbone', '0']

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (...parts: string[]) => join(folder.path, ...parts)

beforeAll(async () => {
  folder = await temporaryFolder()
  await shapeImages(at('images'), 60)
  // Large enough that a signal comes while there is work, not when all is done
  const large = ['--size', '224', '--run', 'done']
  const { code } = await regraftHere(['train', 'images', ...network, ...frozen, ...large], { cwd: folder.path })
  expect(code).toBe(0)
})
afterAll(() => folder.remove())

/** Sends the signal once, when the command shows that it does such work; what is kept of earlier work is forgotten. */
async function interrupted(args: readonly string[], work: string, signal: NodeJS.Signals) {
  let sent = false
  const found = await regraft(args, {
    cwd: folder.path,
    terminal: true,
    onOutput: (text, kill) => {
      if (sent || !text.includes(work)) return
      sent = true
      kill(signal)
    },
  })
  expect(sent, `the command shows '${work}'`).toBe(true)
  expect(found.stderr).not.toContain('defect')
  return found
}

describe('a signal', () => {
  it.each([
    ['SIGINT', 'Looking for near-duplicates'],
    ['SIGTERM', 'Checking images'],
    ['SIGHUP', 'Computing features'],
  ] as const)('%s, while train is at "%s", ends it with 130 and says how to go on', async (signal, work) => {
    process.env.REGRAFT_CACHE = at(`cache-${signal}`)
    const run = `run-${signal}`
    const { code, stderr } = await interrupted(['train', 'images', ...network, ...frozen, '--run', run], work, signal)
    delete process.env.REGRAFT_CACHE
    expect(code).toBe(130)
    expect(stderr).toMatch(/Go on with( the same command|: regraft train --resume run-SIGHUP)/)
    const again = work === 'Computing features' ? ['--resume', run] : ['images', ...network, ...frozen, '--run', run]
    expect((await regraftHere(['train', ...again], { cwd: folder.path })).code).toBe(0)
    await rm(at(run), { recursive: true })
  })

  it.each([
    ['SIGINT', ['audit', 'images'], 'Looking at images'],
    ['SIGHUP', ['audit', 'images'], 'Looking for duplicates'],
    ['SIGTERM', ['audit', '--run', 'done'], 'Computing features'],
    ['SIGINT', ['find-lr', 'images', ...network.slice(0, 6)], 'Training'],
    ['SIGINT', ['predict', 'done', 'images'], 'Classifying'],
    ['SIGTERM', ['evaluate', 'done', '--part', 'train'], 'Evaluating'],
    ['SIGHUP', ['evaluate', 'done', 'images'], 'Evaluating'],
  ] as const)('%s, %s: ends with 130 and a line on what to do', async (signal, args, work) => {
    process.env.REGRAFT_CACHE = at(`cache-${args[0]}-${signal}`)
    const { code, stderr } = await interrupted(args, work, signal)
    delete process.env.REGRAFT_CACHE
    expect([code, stderr]).toEqual([130, expect.stringContaining('same command')])
  })

  it('while a study makes features, leaves a study that goes on', async () => {
    await writeFile(
      at('study.yaml'),
      'name: rates\nkind: grid\nbase: { network: resnet18-narrow, epochs: 1, lr-backbone: 0, batch-size: 8 }\nvary: { lr-head: [0.01, 0.1] }\n',
    )
    const found = await interrupted(['study', 'study.yaml', 'images'], 'features', 'SIGTERM')
    expect([found.code, found.stderr]).toEqual([130, expect.stringContaining('regraft study --resume')])
    expect((await regraftHere(['study', '--resume', 'runs/rates'], { cwd: folder.path })).code).toBe(0)
  })
})
