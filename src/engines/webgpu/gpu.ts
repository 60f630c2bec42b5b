/// <reference types="@webgpu/types" />
/** Dawn in Node: an adapter and a device of it. */

import { tmpdir } from 'node:os'

/** The first adapter, or null; kept by the caller as long as its device is used. */
export async function requestAdapter(): Promise<{ gpu: GPU; adapter: GPUAdapter | null }> {
  // Dawn complains on standard error where it is not set
  process.env.XDG_RUNTIME_DIR ??= tmpdir()
  const { create } = await import('webgpu')
  // All kernels write a workgroup's memory before they read it; to fill it with zeros first takes time, and seconds to compile
  const gpu = create(['enable-dawn-features=disable_workgroup_init'])
  return { gpu, adapter: await gpu.requestAdapter({ powerPreference: 'high-performance' }) }
}

/** As large buffers, and as many in a kernel, as the adapter allows; with subgroups where it has them. */
export const requestDevice = (adapter: GPUAdapter): Promise<GPUDevice> =>
  adapter.requestDevice({
    requiredFeatures: adapter.features.has('subgroups') ? ['subgroups'] : [],
    requiredLimits: {
      maxBufferSize: adapter.limits.maxBufferSize,
      maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
      maxStorageBuffersPerShaderStage: adapter.limits.maxStorageBuffersPerShaderStage,
    },
  })
