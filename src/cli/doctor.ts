/** `regraft doctor`: what is here, what was chosen and why; the first thing to put into a bug report. */
import { statfs } from 'node:fs/promises'
import { freemem } from 'node:os'
import { dirname } from 'node:path'
import { Command } from 'commander'
import { cacheFolder } from '../base/cache.js'
import { cpuFeatures, cpuModel, usableCores, usableMemory } from '../base/machine.js'
import { version } from '../base/version.js'
import { everyEngine, gpus, noBfloat16, productRates } from '../engines/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { decoderInWords } from './decoder.js'
import { bytes } from './terminal/format.js'
import { say } from './terminal/say.js'

/** Free bytes where the folder is, or will be made. */
async function freeDisk(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return dirname(folder) === folder ? 0 : freeDisk(dirname(folder))
  }
}

/** What each GPU is good for here. */
function gpusInWords(): string[] {
  const adapters = gpus()
  if (typeof adapters === 'string') return [`none: ${adapters}`]
  return adapters.map((adapter, i) => {
    if (adapter.software) return `${adapter.name}: played by the CPU, good for tests alone`
    const use = i === 0 ? '--engine webgpu, or auto where it is faster' : 'not used, since the first has more power'
    return `${adapter.name}, float32, buffers of up to ${bytes(adapter.buffer)}; ${use}`
  })
}

/** Lines of 'name: value'. */
async function report(): Promise<string[]> {
  const graph = networkGraph(networkNamed('resnet18'), { classes: 2, batch: 1 })
  const supports = everyEngine.map(engine => ({ engine, support: engine.supports(graph, 'float32') }))
  const chosen = supports.find(({ support }) => support.ok)?.engine
  const cache = cacheFolder()
  const rates = await productRates()
  return [
    `regraft    ${version}`,
    `node       ${process.version}, ${process.platform} ${process.arch}`,
    `cpu        ${cpuModel()}`,
    `features   ${cpuFeatures().join(' ') || 'unknown'}`,
    `cores      ${usableCores()} that this process may use`,
    `memory     ${bytes(usableMemory())}, ${bytes(freemem())} free`,
    ...supports.map(({ engine, support }) => {
      const state = engine === chosen ? 'ready, chosen' : 'ready'
      return `engine     ${engine.name}: ${support.ok ? `${state} (${engine.library})` : `not available: ${support.reason}`}`
    }),
    ...gpusInWords().map(words => `gpu        ${words}`),
    `bfloat16   ${rates ? `${(rates.bfloat16 / rates.float32).toFixed(1)} times as fast as float32 in large matrix products` : `not available: ${noBfloat16()}`}`,
    `images     ${await decoderInWords()}`,
    `cache      ${cache}, ${bytes(await freeDisk(cache))} free`,
    `runs       ${process.cwd()}, ${bytes(await freeDisk(process.cwd()))} free`,
  ]
}

export const doctorCommand = new Command('doctor')
  .description('show what this machine has, which engine is chosen and why')
  .action(async () => {
    say(`${(await report()).join('\n')}\n`)
  })
