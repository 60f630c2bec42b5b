/** A file's entries are matched as load_state_dict does it, with messages that say what to do. */
import { describe, expect, it } from 'vitest'
import { matchWeights } from './match.js'
import type { StateDict } from './stateDict.js'

/** A state dict whose tensors are told apart by their first number. */
const stateOf = (entries: readonly (readonly [string, readonly number[]])[]): StateDict =>
  new Map(
    entries.map(([name, shape], i) => [
      name,
      {
        shape,
        values: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(i + 1),
        ...(name.endsWith('num_batches_tracked') ? { integer: true } : {}),
      },
    ]),
  )

const network = new Map<string, readonly number[]>([
  ['conv.weight', [2, 3, 1, 1]],
  ['bn.weight', [2]],
  ['bn.running_mean', [2]],
  ['fc.weight', [5, 2]],
  ['fc.bias', [5]],
])
const isHead = (name: string) => name.startsWith('fc.')
const file = 'weights.pth'

const own: readonly (readonly [string, readonly number[]])[] = [
  ['conv.weight', [2, 3, 1, 1]],
  ['bn.weight', [2]],
  ['bn.running_mean', [2]],
  ['bn.num_batches_tracked', []],
  ['fc.weight', [5, 2]],
  ['fc.bias', [5]],
]
const renamed = own.map(([name, shape]) => [name.replace('conv', 'stem').replace('bn', 'norm'), shape] as const)
const withHead = (classes: number) => [...own.slice(0, 4), ['fc.weight', [classes, 2]], ['fc.bias', [classes]]] as const

const firsts = (found: Map<string, Float32Array>) =>
  Object.fromEntries([...found].map(([name, [value]]) => [name, value]))

describe('by name', () => {
  it('takes what fits, in any order, and ignores counters', () => {
    const found = matchWeights(network, stateOf([...own].reverse()), { how: 'name', file })
    expect(firsts(found)).toEqual({
      'conv.weight': 6,
      'bn.weight': 5,
      'bn.running_mean': 4,
      'fc.weight': 2,
      'fc.bias': 1,
    })
  })

  it('leaves the head out where its class count is another, where it is missing, or has another name', () => {
    for (const entries of [withHead(1000), own.slice(0, 4)]) {
      const found = matchWeights(network, stateOf(entries), { how: 'name', optional: isHead, file })
      expect([...found.keys()]).toEqual(['conv.weight', 'bn.weight', 'bn.running_mean'])
    }
    expect(matchWeights(network, stateOf(own), { how: 'name', optional: isHead, file }).size).toBe(5)
  })

  it('translates other namings, and prefers an entry that has the network’s own name', () => {
    const translate = (name: string) => name.replace('stem', 'conv').replace('norm', 'bn')
    expect(firsts(matchWeights(network, stateOf(renamed), { how: 'name', translate, file }))).toMatchObject({
      'conv.weight': 1,
      'bn.weight': 2,
    })
    const both = stateOf([['stem.weight', [2, 3, 1, 1]], ...own])
    expect(() => matchWeights(network, both, { how: 'name', translate, file })).toThrow('unexpected: stem.weight')
  })

  it('lists what is missing, unexpected and of another shape, as load_state_dict does', () => {
    const state = stateOf([
      ['conv.weight', [2, 3, 3, 3]],
      ['bn.weight', [2]],
      ['extra.weight', [1]],
      ['fc.weight', [5, 2]],
      ['fc.bias', [5]],
    ])
    expect(() => matchWeights(network, state, { how: 'name', file })).toThrow(
      [
        'weights.pth does not fit the network:',
        '  missing: bn.running_mean',
        '  unexpected: extra.weight',
        '  of another shape: conv.weight ([2, 3, 3, 3] instead of [2, 3, 1, 1])',
        'Pass another --network, or weights of this one',
      ].join('\n'),
    )
  })

  it('shows ten names and counts the others', () => {
    const large = new Map(Array.from({ length: 25 }, (_, i) => [`layer${i}.weight`, [1]]))
    expect(() => matchWeights(large, new Map(), { how: 'name', file })).toThrow(/layer9\.weight, and 15 more$/m)
  })

  it('shows names without what could steer a terminal', () => {
    const state = stateOf([...own, ['evil\u001b[2J', [1]]])
    expect(() => matchWeights(network, state, { how: 'name', file })).toThrow('unexpected: evil\ufffd[2J')
  })

  it('suggests --match order where every shape agrees in order', () => {
    expect(() => matchWeights(network, stateOf(renamed), { how: 'name', file })).toThrow('pass --match order')
  })
})

describe('in order', () => {
  const options = { how: 'order', optional: isHead, file } as const

  it('takes entries by their place, and the head where it fits', () => {
    const found = matchWeights(network, stateOf(renamed), options)
    expect(firsts(found)).toEqual({
      'conv.weight': 1,
      'bn.weight': 2,
      'bn.running_mean': 3,
      'fc.weight': 5,
      'fc.bias': 6,
    })
  })

  it('does without a head, or with one of other classes', () => {
    for (const entries of [own.slice(0, 4), withHead(1000)])
      expect([...matchWeights(network, stateOf(entries), options).keys()]).toEqual([
        'conv.weight',
        'bn.weight',
        'bn.running_mean',
      ])
  })

  it('says where the order breaks', () => {
    expect(() =>
      matchWeights(
        network,
        stateOf([
          ['a', [2, 3, 1, 1]],
          ['b', [7]],
        ]),
        options,
      ),
    ).toThrow("weights.pth cannot be matched in order: its entry 2 is 'b' [7], the network's is 'bn.weight' [2]")
    expect(() => matchWeights(network, stateOf(own.slice(0, 1)), options)).toThrow('its entry 2 is none')
    const longer = stateOf([...own, ['more.weight', [1]]])
    expect(() => matchWeights(network, longer, options)).toThrow("the network's is none")
  })
})
