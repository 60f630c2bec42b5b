/** A process that says which adapter Dawn finds, as one line of JSON; nothing where it finds none. */
import { requestAdapter } from './gpu.js'

const { adapter } = await requestAdapter()
if (adapter) {
  const { info, limits } = adapter
  const name = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ')
  process.stdout.write(
    JSON.stringify({
      name: name || 'a GPU',
      software: info.isFallbackAdapter || /swiftshader|llvmpipe|basic render/i.test(name),
      buffer: limits.maxBufferSize,
      binding: limits.maxStorageBufferBindingSize,
      storageBuffers: limits.maxStorageBuffersPerShaderStage,
    }),
    () => process.exit(0),
  )
} else process.exit(0)
