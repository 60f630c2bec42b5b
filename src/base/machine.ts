/** What this process may use of the machine: cores and memory within its control group, and the CPU's features. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** Cores this process may use: its CPU affinity, and its share in a container (cgroup v2 or v1), rounded up. */
export function usableCores(): number {
  const [quota, period] = read('/sys/fs/cgroup/cpu.max')?.split(' ') ?? [
    read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'),
    read('/sys/fs/cgroup/cpu/cpu.cfs_period_us'),
  ]
  const share = Number(quota) / Number(period)
  const limited = Number.isFinite(share) && share > 0 ? Math.ceil(share) : Number.POSITIVE_INFINITY
  return Math.max(1, Math.min(availableParallelism(), limited))
}

/** Bytes of memory this process may use in all: the machine's, or its container's limit where that is lower. */
export function usableMemory(): number {
  const limit = Number(read('/sys/fs/cgroup/memory.max') ?? read('/sys/fs/cgroup/memory/memory.limit_in_bytes'))
  return Number.isFinite(limit) && limit > 0 ? Math.min(totalmem(), limit) : totalmem()
}

/** Bytes of memory that are free for this process. */
export const freeMemory = (): number => Math.min(freemem(), usableMemory())

/** The CPU's name as the system gives it. */
export const cpuModel = (): string => cpus()[0]?.model.trim() || 'unknown'

/** What the CPU can do, in the kernel's words; empty where the system does not tell. */
export const cpuFlags = (): ReadonlySet<string> =>
  new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(read('/proc/cpuinfo') ?? '')?.[1]?.split(' '))

/** The instruction sets that matter to kernels, of those the CPU has. */
export function cpuFeatures(): string[] {
  const flags = cpuFlags()
  const known = [
    'sse4_2',
    'avx',
    'avx2',
    'fma',
    'avx512f',
    'avx512bw',
    'avx512_bf16',
    'avx512_vnni',
    'amx_bf16',
    'asimd',
    'bf16',
  ]
  return known.filter(name => flags.has(name))
}
