import { describe, expect, it } from 'vitest'
import { networkNamed } from '../models/index.js'
import { checkPhases, trainedFrom } from './phases.js'
import { cachesFeatures } from './session.js'

const network = networkNamed('resnet18')
const options = (unfreeze: string[], more = {}) => ({
  unfreeze,
  freezeUntil: undefined,
  lrBackbone: 1e-3,
  lrHead: 1e-2,
  ...more,
})

describe('progressive unfreezing', () => {
  it('trains the head for three epochs, from layer4 on for two, then everything', () => {
    const set = options(['head:3', 'layer4:2', 'all'])
    const stages = [0, 1, 2, 3, 4, 5, 9].map(epoch => trainedFrom(epoch, network, set))
    expect(stages).toEqual(['fc', 'fc', 'fc', 'layer4', 'layer4', undefined, undefined])
  })

  it('stays with the last entry, whatever its length', () => {
    expect(trainedFrom(9, network, options(['head:1', 'layer4:2']))).toBe('layer4')
  })

  it('says what is wrong with it', () => {
    expect(() => checkPhases(network, options(['head:3', 'layer9:2', 'all']))).toThrow(
      /resnet18 has no such stage; did you mean layer/,
    )
    expect(() => checkPhases(network, options(['head', 'all']))).toThrow(
      '--unfreeze head,all: say for how many epochs, as in head:3',
    )
    expect(() => checkPhases(network, options(['head:1', 'all'], { lrBackbone: 0 }))).toThrow(
      /leave out --lr-backbone 0/,
    )
    expect(() => checkPhases(network, options(['head:1', 'all'], { freezeUntil: 'layer4' }))).toThrow(
      /leave out --freeze-until/,
    )
  })
})

it('features are computed once only where every epoch sees the same pixels', () => {
  const plain = { colorJitter: 0, randomErasing: 0, mixup: 0, cutmix: 0 }
  expect(cachesFeatures('none', plain)).toBe(true)
  expect(cachesFeatures('crop-flip', plain)).toBe(false)
  for (const name of Object.keys(plain)) expect(cachesFeatures('none', { ...plain, [name]: 0.2 }), name).toBe(false)
})
