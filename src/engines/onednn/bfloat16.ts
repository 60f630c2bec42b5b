/** Whether this process's oneDNN multiplies in bfloat16. */
import { cpuFeatures, cpuModel } from '../../base/machine.js'

/** What oneDNN is told from outside about the instructions that it may use; the first that is set counts. */
const limits = ['ONEDNN_MAX_CPU_ISA', 'DNNL_MAX_CPU_ISA']

/** The limits without instructions for products of bfloat16, by oneDNN's manual (CPU Dispatcher Control). */
const withoutBfloat16 = /^(sse41|avx|avx2(_vnni(_2)?)?|avx512_(mic(_4ops)?|core(_vnni)?))$/i

/** Why oneDNN has no instructions for products of bfloat16 here, in words; undefined where it has. */
export function lacksBfloat16(): string | undefined {
  const needs = 'bfloat16 needs a CPU with AVX512_BF16 or AMX_BF16'
  if (!['avx512_bf16', 'amx_bf16'].some(name => cpuFeatures().includes(name)))
    return `${needs}, and the ${cpuModel()} has neither`
  const name = limits.find(limit => process.env[limit])
  const limit = name && process.env[name]
  return limit && withoutBfloat16.test(limit)
    ? `${needs}, and ${name}=${limit} in the environment forbids both`
    : undefined
}
