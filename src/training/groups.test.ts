import { describe, expect, it } from 'vitest'
import { trainableParameters } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { parameterGroups } from './groups.js'
import { checkOptions } from './options.js'

const network = networkNamed('resnet18')
const parameters = trainableParameters(networkGraph(network, { classes: 5, batch: 1 }))
const groupsFor = (options: Parameters<typeof checkOptions>[0]) => {
  const { all, groupOf } = parameterGroups(network, parameters, checkOptions(options))
  return (name: string) => all.find(group => group.name === groupOf(name))
}

describe('decay to pretrained weights', () => {
  it('is the trunk’s; the new layer decays to zero', () => {
    const group = groupsFor({ l2Sp: 0.05, weightDecay: 1e-3, lrDecayPerStage: 0.5 })
    for (const name of ['conv1.weight', 'layer4.0.bn1.weight'])
      expect(group(name)).toMatchObject({ decay: 0.05, toPretrained: true })
    expect(group('fc.weight')).toMatchObject({ decay: 1e-3, toPretrained: false })
    expect(groupsFor({})('conv1.weight')).toMatchObject({ decay: 5e-4, toPretrained: false })
  })

  it('leaves out what has no decay', () => {
    const group = groupsFor({ l2Sp: 0.05, noDecay: ['norm'] })
    expect(group('layer4.0.bn1.weight')).toMatchObject({ decay: 0, toPretrained: false })
    expect(group('layer4.0.conv1.weight')).toMatchObject({ decay: 0.05, toPretrained: true })
  })

  it('needs pretrained weights', () => {
    expect(() => checkOptions({ l2Sp: 0.1, weights: 'none' })).toThrow(
      'option l2Sp: there are no pretrained weights to decay to; leave it or weights none out',
    )
  })
})
