/** A process that says which adapters Dawn finds, as one line of JSON: the one that programs run on first. */
import { requestAdapter } from './gpu.js'

const describe = ({ info, limits }: GPUAdapter) => {
  const name = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ')
  return {
    name: name || 'a GPU',
    vendor: info.vendor,
    architecture: info.architecture,
    software: info.isFallbackAdapter || /swiftshader|llvmpipe|basic render/i.test(name),
    buffer: limits.maxBufferSize,
    binding: limits.maxStorageBufferBindingSize,
    storageBuffers: limits.maxStorageBuffersPerShaderStage,
  }
}

const { gpu, adapter } = await requestAdapter()
const other = await gpu.requestAdapter({ powerPreference: 'low-power' })
const found = [adapter, other].filter(one => one !== null).map(describe)
const distinct = found.filter(({ name }, i) => found.findIndex(one => one.name === name) === i)
process.stdout.write(JSON.stringify(distinct), () => process.exit(0))
