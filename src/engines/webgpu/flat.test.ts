/** All parameters of a network are updated by one kernel, whatever rates they follow. */
import { expect, it } from 'vitest'
import { type Optimiser, trainingStep } from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import { planOf } from './plan.js'

const ordinary = {
  device: 'discrete',
  subgroups: [],
  buffer: 2 ** 31,
  binding: 2 ** 31 - 4,
  storageBuffers: 10,
} as const
const forward = networkGraph(networkNamed('resnet18'), { classes: 5, batch: 2, size: 32 })
/** The trunk and the head at rates of their own, norms and biases without decay: parameters of the groups alternate. */
const groupOf = (name: string) =>
  `${name.startsWith('fc') ? 'head' : 'trunk'}.${/bn|bias/.test(name) ? 'plain' : 'decayed'}`

const planFor = (optimiser: Optimiser, accumulate: boolean, limits: Parameters<typeof planOf>[1] = ordinary) =>
  planOf(trainingStep(forward, { optimiser, groupOf, accumulate, clip: accumulate, average: true }), limits)
const count = ({ kernels }: ReturnType<typeof planOf>, name: string) =>
  kernels.filter(kernel => kernel.name === name).length

it.each([{ name: 'sgd', nesterov: true } as const, { name: 'adamW', eps: 1e-8 } as const])(
  '$name: one dispatch for all parameters, and one more for their averages',
  optimiser => {
    const plan = planFor(optimiser, false)
    expect(count(plan, optimiser.name)).toBe(1)
    // Averages of running statistics, which no optimiser updates, are a second one.
    expect(count(plan, 'blend')).toBe(2)
    expect(count(planFor(optimiser, true), optimiser.name)).toBe(1)
    expect(count(planFor(optimiser, true), 'blend')).toBe(3)
    // The norm of all gradients: their squares, and the scale that follows from them.
    expect(count(planFor(optimiser, true), 'clipScale')).toBe(2)
  },
)

it('makes several where a kernel on the device reaches fewer bytes than the parameters have', () => {
  const plan = planFor({ name: 'sgd', nesterov: false }, false, { ...ordinary, binding: 2 ** 24 })
  expect(count(plan, 'sgd')).toBeGreaterThan(1)
  expect(count(plan, 'sgd')).toBeLessThan(8)
})

it('no two values that live at once share a byte', () => {
  const plan = planFor({ name: 'sgd', nesterov: false }, true)
  const lasting = [...new Set(plan.kernels.flatMap(({ bound }) => bound.map(({ value }) => value)))]
    .filter(name => /(weight|bias|velocity|average|gradient)$/.test(name) && !name.includes('#'))
    .map(name => ({ name, ...plan.place(name)! }))
    .sort((a, b) => a.page - b.page || a.offset - b.offset)
  const distinct = lasting.filter(
    ({ page, offset }, i) => i === 0 || page !== lasting[i - 1]!.page || offset !== lasting[i - 1]!.offset,
  )
  expect(distinct.length).toBeGreaterThan(60)
  distinct.slice(1).forEach((place, i) => {
    const before = distinct[i]!
    if (before.page === place.page)
      expect(place.offset, `${before.name}, ${place.name}`).toBeGreaterThanOrEqual(before.offset + before.bytes)
  })
})
