/** A run's configuration, for tests of what reads one. */
import { checkOptions } from './options.js'
import type { RunConfig } from './runFolder.js'

export const runConfig: RunConfig = {
  options: checkOptions({}),
  data: '/photos',
  classes: ['cat', 'dog'],
  split: { train: ['cat/1.jpg', 'dog/1.jpg'], val: ['cat/2.jpg'], test: [] },
  network: 'resnet18',
  preprocessing: {
    size: 224,
    resize: 256,
    interpolation: 'bilinear',
    crop: 'center',
    mean: [0.5, 0.5, 0.5],
    std: [0.2, 0.2, 0.2],
  },
  resolved: { augment: 'crop-flip', cacheFeatures: false, grouping: 'none', batchSize: 2 },
  provenance: { source: 'none' },
  environment: { regraft: '0', node: 'v20', platform: 'linux x64', cpu: 'x', engine: 'onnxruntime', threads: 1 },
  started: '2026-01-01T00:00:00.000Z',
}
