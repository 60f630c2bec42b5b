/** The WebGPU engine for tests: on a GPU, or on one that the CPU plays by SwiftShader, which comes with Debian's chromium. Vitest gives files that import this a process each. */
import { existsSync } from 'node:fs'
import { networkGraph, networkNamed } from '../../models/index.js'
import { adapterHere } from './adapters.js'
import { webgpuEngine } from './index.js'

const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json'
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(swiftShader)) process.env.VK_ICD_FILENAMES = swiftShader

/** Whether it can be tested here, or why not. */
export const support = webgpuEngine.supports(
  networkGraph(networkNamed('resnet18'), { classes: 2, batch: 1 }),
  'float32',
)
export const reason = support.ok ? '' : support.reason

const adapter = adapterHere()
/** Whether everything takes a thousand times as long as on a GPU: then only small shapes are tested, unless that is asked for. */
export const slow = typeof adapter !== 'string' && adapter.software && !process.env.REGRAFT_SLOW_TESTS
