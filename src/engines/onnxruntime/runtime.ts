/** Whether ONNX Runtime can be loaded here: found out by looking at its files, since loading it takes a process. */
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { isCutOff } from '../../base/cutOff.js'

let found: { readonly reason: string | undefined } | undefined

/** Why it cannot be loaded, in words; nothing where it can. */
export function lacksRuntime(): string | undefined {
  found ??= { reason: look() }
  return found.reason
}

function look(): string | undefined {
  const { platform, arch } = process
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  const binaries = join(folder, 'bin', 'napi-v3', platform, arch)
  let names: string[]
  try {
    names = readdirSync(binaries)
  } catch {
    return `the package onnxruntime-node has nothing for ${platform} ${arch}`
  }
  const anew = `remove the folder ${folder}, and 'npm install' brings it anew`
  if (!names.includes('onnxruntime_binding.node')) return `${binaries} holds no onnxruntime_binding.node; ${anew}`
  const cut = names.find(name => isCutOff(join(binaries, name)))
  if (cut !== undefined) return `${join(binaries, cut)} is cut off; ${anew}`
  if (platform === 'linux' && !hasGlibc())
    return 'it needs glibc, which this Linux does not have; take one that does, such as Debian (node:22-slim instead of node:22-alpine)'
  return undefined
}

function hasGlibc(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime !== undefined
}
