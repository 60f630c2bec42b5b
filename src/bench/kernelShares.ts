/** Where the time of a program goes, in words. */

/** 'convolution 31.0 %, …', the largest first; kernels below a hundredth stand together as 'others'. */
export function kernelShares(secondsByKernel: Readonly<Record<string, number>>): string {
  const all = Object.values(secondsByKernel).reduce((a, b) => a + b, 0)
  const shares = Object.entries(secondsByKernel).map(([kernel, seconds]) => [kernel, (100 * seconds) / all] as const)
  const large = shares.filter(([, share]) => share >= 1).sort(([, a], [, b]) => b - a)
  const others = 100 - large.reduce((sum, [, share]) => sum + share, 0)
  return [...large, ['others', others] as const].map(([kernel, share]) => `${kernel} ${share.toFixed(1)} %`).join(', ')
}
