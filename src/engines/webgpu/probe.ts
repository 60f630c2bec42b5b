/** A process that says which adapters Dawn finds, as one line of JSON: the one that programs run on first; and in a second line the sizes of that one's subgroups. */
import { requestAdapter, requestDevice } from './gpu.js'
import { playedByCpu } from './playedByCpu.js'
import { subgroupsFor } from './subgroups.js'

const describe = ({ info, limits }: GPUAdapter) => {
  const name = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ')
  return {
    name: name || 'a GPU',
    vendor: info.vendor,
    architecture: info.architecture,
    software: playedByCpu(info),
    buffer: limits.maxBufferSize,
    binding: limits.maxStorageBufferBindingSize,
    storageBuffers: limits.maxStorageBuffersPerShaderStage,
  }
}

const { gpu, adapter } = await requestAdapter()
const other = await gpu.requestAdapter({ powerPreference: 'low-power' })
const found = [adapter, other].filter(one => one !== null).map(describe)
const distinct = found.filter(({ name }, i) => found.findIndex(one => one.name === name) === i)
process.stdout.write(`${JSON.stringify(distinct)}\n`)
const subgroups = adapter ? await requestDevice(adapter).then(subgroupsFor) : []
process.stdout.write(`${JSON.stringify(subgroups)}\n`, () => process.exit(0))
