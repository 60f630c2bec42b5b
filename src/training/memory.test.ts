/** How a training step is made to fit, on every engine: as little computed again as the budget allows, and a refusal that helps. */
import { describe, expect, it } from 'vitest'
import { bytes } from '../base/bytes.js'
import { freeMemory } from '../base/machine.js'
import { engines, totalBytes } from '../engines/index.js'
import { recomputations, trainingStep } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { fitToMemory } from './memory.js'

const step = (batch: number) =>
  trainingStep(networkGraph(networkNamed('mobilenet_v2'), { classes: 10, batch, size: 96 }), {
    optimiser: { name: 'sgd', nesterov: false },
    groupOf: () => 'all',
  })
const noMemory = { parameters: 0, state: 0, activations: 0, workspace: 0 }
const megabytes = (amount: number) => `${amount / 1e6}MB`

describe.each(engines.filter(engine => engine.supports(step(1), 'float32').ok))('$name', engine => {
  const graph = step(16)
  const needs = (of: typeof graph) => totalBytes(engine.memory(of, { threads: 2 }))
  const least = Math.min(...recomputations(graph).map(way => needs(way.graph)))

  it('computes nothing again where the step fits', () => {
    expect(fitToMemory(engine, graph, { threads: 2 }, megabytes(needs(graph)))).toEqual({ graph })
    expect(fitToMemory(engine, graph, { threads: 2 })).toEqual({ graph })
  })

  it('on a GPU with memory of its own is bound by --memory alone', () => {
    const beside = { ...engine, besideMemory: true, memory: () => ({ ...noMemory, activations: 2 * freeMemory() }) }
    expect(fitToMemory(beside, graph, { threads: 2 })).toEqual({ graph })
    expect(() => fitToMemory(beside, graph, { threads: 2 }, '2MB')).toThrow('--memory allows 2.0 MB')
  })

  it('computes as little again as it has to, and says what that saves and costs', () => {
    const budgets = [0.9, 0.5, 0].map(share => least + share * (needs(graph) - least))
    const costs = budgets.map(budget => {
      const { graph: fitted, note } = fitToMemory(engine, graph, { threads: 2 }, megabytes(budget))
      expect(needs(fitted)).toBeLessThanOrEqual(budget)
      const [, now, before, more] =
        /^recomputing activations: (.+) instead of (.+), (\d+) % more arithmetic in each step$/.exec(note ?? '') ?? []
      expect([now, before]).toEqual([needs(fitted), needs(graph)].map(bytes))
      return Number(more)
    })
    expect(costs[0]).toBeLessThanOrEqual(costs[1]!)
    expect(costs[1]).toBeLessThan(costs[2]!)
    expect(costs[2]).toBeLessThan(34)
  })

  it('takes what is free where nothing else is said', () => {
    const perImage = (needs(step(32)) - needs(graph)) / 16
    // More than is free, by less than recomputation saves.
    const batch = Math.ceil((1.1 * freeMemory()) / perImage)
    const { note } = fitToMemory(engine, step(batch), { threads: 2 })
    expect(note).toMatch(/^recomputing activations: .+ GB instead of .+ GB/)
    expect(() => fitToMemory(engine, step(20 * batch), { threads: 2 })).toThrow(
      /^this needs .+B of memory even if activations are recomputed, and .+ GB are free; --batch-size \d+ would fit$/,
    )
  })

  it('refuses what does not fit even so, and names a batch size that does', () => {
    const budget = 0.7 * least
    const error = (() => {
      try {
        fitToMemory(engine, graph, { threads: 2 }, megabytes(budget))
      } catch (reason) {
        return (reason as Error).message
      }
      return ''
    })()
    const [, needed, allowed, batch] =
      /^this needs (.+) of memory even if activations are recomputed, and --memory allows (.+); --batch-size (\d+) would fit$/.exec(
        error,
      ) ?? []
    expect([needed, allowed]).toEqual([least, budget].map(bytes))
    const smaller = fitToMemory(engine, step(Number(batch)), { threads: 2 }, megabytes(budget))
    expect(needs(smaller.graph)).toBeLessThanOrEqual(budget)
    expect(() => fitToMemory(engine, graph, { threads: 2 }, '1MB')).toThrow(
      'and --memory allows 1.0 MB; a smaller network or --size would fit',
    )
  })
})
