/** The main job as a person does it: train, look at the run folder, predict, evaluate; and what happens when it is interrupted. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { regraft, regraftHere, shapeImages, temporaryFolder } from './support.js'

// The small network with the weights that ship with the package: a few seconds a run, and it learns.
const small = [
  '--network',
  'resnet18-narrow',
  '--size',
  '48',
  '--batch-size',
  '8',
  '--augment',
  'none',
  '--lr-backbone',
  '0.005',
  '--lr-head',
  '0.05',
]

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (...parts: string[]) => join(folder.path, ...parts)
const json = (...parts: string[]) => JSON.parse(readFileSync(at(...parts), 'utf8'))
const here = (...args: string[]) => regraftHere(args, { cwd: folder.path })
const train = (run: string, ...more: string[]) => here('train', 'images', ...small, '--run', run, ...more)
/** metrics.jsonl without what depends on the clock. */
const metrics = (run: string) =>
  readFileSync(at(run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => {
      const { seconds: _, imagesPerSecond: __, ...rest } = JSON.parse(line)
      return rest
    })

const weights = (run: string) =>
  createHash('sha256')
    .update(readFileSync(at(run, 'model/model.safetensors')))
    .digest('hex')

beforeAll(async () => {
  folder = await temporaryFolder()
  await shapeImages(at('images'), 30)
})
afterAll(() => folder.remove())

describe('regraft train', () => {
  it('leaves the run folder that the documentation describes, and a model that knows the classes', async () => {
    const { code, stdout, stderr } = await regraft(['train', 'images', ...small, '--run', 'first', '--epochs', '6'], {
      cwd: folder.path,
    })
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    for (const file of [
      'config.json',
      'metrics.jsonl',
      'result.json',
      'predictions.csv',
      'checkpoints/last.safetensors',
      'checkpoints/best.safetensors',
      'figures/accuracy.svg',
      'figures/accuracy.png',
      'figures/loss.svg',
      'figures/loss.png',
      'model/model.safetensors',
      'model/model.json',
      'model/README.md',
    ])
      expect(existsSync(at('first', file)), file).toBe(true)
    expect(stdout).toContain('epoch 6/6')
    expect(stdout).toContain('first/model')
    const { options, split, classes } = json('first', 'config.json')
    expect(classes).toEqual(['circle', 'square', 'stripes'])
    expect([split.train.length, split.val.length, split.test.length]).toEqual([63, 18, 9])
    expect(options.epochs).toBe(6)
    expect(metrics('first')).toHaveLength(6)
    const { bestEpoch, test } = json('first', 'result.json')
    expect(bestEpoch).toBeGreaterThan(0)
    expect(test.images).toBe(9)
    expect(test.top1).toBeGreaterThan(0.8)
    expect(test.interval[0]).toBeLessThan(test.top1)
    expect(readFileSync(at('first', 'predictions.csv'), 'utf8').split('\n')).toHaveLength(9 + 2)
  })

  it('gives the same metrics, bit for bit, for the same seed', async () => {
    await train('again', '--epochs', '6')
    expect(metrics('again')).toEqual(metrics('first'))
  })

  it('predicts and evaluates with what it trained', async () => {
    const { code, stdout } = await regraft(['predict', 'first', 'images/stripes/1.jpg', 'images/circle', '--json'], {
      cwd: folder.path,
    })
    expect(code).toBe(0)
    const results = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(results).toHaveLength(31)
    expect(results.slice(0, 2).map(({ path }) => path)).toEqual(['images/stripes/1.jpg', 'images/circle/0.jpg'])
    expect(results[0].scores[0].class).toBe('stripes')
    expect(results[0].scores[0].probability).toBeGreaterThan(0.4)
    const evaluated = await here('evaluate', 'first', '--json')
    expect(JSON.parse(evaluated.stdout).top1).toBe(json('first', 'result.json').test.top1)
  })

  it('compares with the same network from random weights, and says so in the report', async () => {
    const { code, stderr } = await train('both', '--epochs', '2', '--compare-scratch')
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    expect(json('both/scratch', 'config.json')).toMatchObject({
      provenance: { source: 'none' },
      split: json('both', 'config.json').split,
    })
    const report = readFileSync(at('both', 'report.md'), 'utf8')
    const best = Math.max(...metrics('both/scratch').map(({ validation }) => validation.top1))
    expect(report).toContain(`from random weights the best validation accuracy is ${(100 * best).toFixed(1)}`)
  })

  it('computes the features of a frozen trunk once', async () => {
    const { stdout } = await train('frozen', '--epochs', '3', '--lr-backbone', '0')
    expect(stdout).toContain('features were computed once')
    expect(json('frozen', 'config.json').resolved).toMatchObject({ augment: 'none', cacheFeatures: true })
    expect(json('frozen', 'result.json').seconds.features).toBeGreaterThan(0)
    const args = ['train', 'images', ...small, '--run', 'frozen-again', '--epochs', '3', '--lr-backbone', '0']
    const again = await regraft(args, { cwd: folder.path })
    expect(again.stdout).toContain('features of the frozen trunk are those of an earlier run')
    expect(readFileSync(at('frozen-again', 'predictions.csv'))).toEqual(readFileSync(at('frozen', 'predictions.csv')))
    const other = await train('frozen-other', '--epochs', '1', '--lr-backbone', '0', '--size', '64')
    expect(other.stdout).not.toContain('of an earlier run')
  })

  it('unfreezes stage by stage, gathers gradients, clips them and ships averaged weights', async () => {
    const more = ['--unfreeze', 'head:1,layer4:1,all', '--accumulate', '3', '--clip-norm', '1', '--ema', '0.9']
    const { code, stderr } = await train('phased', '--epochs', '4', ...more, '--warmup-steps', '2')
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    const whole = metrics('phased')
    expect(whole).toHaveLength(4)
    expect(whole[3].train.loss).toBeLessThan(whole[0].train.loss)
    // The average starts from the pretrained weights, so it lags behind, but it is what was validated and shipped.
    const evaluated = await here('evaluate', 'phased', '--json')
    expect(JSON.parse(evaluated.stdout).top1).toBe(json('phased', 'result.json').test.top1)
  })

  it('mixes images until the last epochs, which see them as they are', async () => {
    const mixed = ['--epochs', '2', '--mixup', '0.4']
    await train('mixed', ...mixed)
    await train('mixed-first', ...mixed, '--mix-off-epochs', '1')
    const [all, first] = [metrics('mixed'), metrics('mixed-first')]
    expect(first[0]).toEqual(all[0])
    // One-hot targets and whole images are easier than mixed ones.
    expect(first[1].train.loss).toBeLessThan(all[1].train.loss)
    const alone = await train('alone', '--mix-off-epochs', '1')
    expect([alone.code, alone.stderr]).toEqual([
      2,
      expect.stringContaining('no images are mixed; give mixup or cutmix'),
    ])
    const none = await train('none', ...mixed, '--mix-off-epochs', '2')
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('of 2 epochs none is left')])
  })

  it('records the precision that auto settles on, so that the run can be resumed and served in it', async () => {
    expect((await train('auto', '--epochs', '1', '--precision', 'auto')).code).toBe(0)
    const { precision } = json('auto', 'config.json').options
    expect(['float32', 'bfloat16']).toContain(precision)
    const evaluated = await here('evaluate', 'auto', '--json')
    const { loss } = JSON.parse(evaluated.stdout)
    expect(loss).toBeCloseTo(json('auto', 'result.json').test.loss, 6)
    const other = precision === 'bfloat16' ? 'float32' : 'auto'
    const { code, stdout } = await here('evaluate', 'auto', '--precision', other, '--threads', '1')
    expect(code).toBe(0)
    expect(stdout).toContain('top-1')
  })

  it('measures how far its probabilities can be believed', () => {
    const { calibration, test } = json('first', 'result.json')
    expect(calibration.temperature).toBeGreaterThan(0)
    for (const { ece, bins } of [calibration.before, calibration.after]) {
      expect(ece).toBeGreaterThanOrEqual(0)
      const right = bins.reduce(
        (sum: number, bin: { accuracy: number; images: number }) => sum + bin.accuracy * bin.images,
        0,
      )
      expect(right / test.images).toBeCloseTo(test.top1, 9)
    }
  })

  it('takes the same options from a file', async () => {
    await writeFile(
      at('run.yaml'),
      'network: resnet18-narrow\nweights: none\nsize: 32\nepochs: 1\nbatch-size: 8\nrun: from-file\n',
    )
    const { code, stderr } = await here('train', 'images', '--config', 'run.yaml')
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    expect(json('from-file', 'config.json').options).toMatchObject({ epochs: 1, batchSize: 8 })
  })
})

describe('regraft train --memory', () => {
  const large = ['--size', '96', '--epochs', '2']

  it('computes activations again where they do not fit, to the same metrics and weights', async () => {
    await train('roomy', ...large)
    const refused = await train('refused', ...large, '--memory', '1MB')
    expect(refused.code).toBe(6)
    const [, least] =
      /^error: this needs (.+) MB of memory even if activations are recomputed, and --memory allows 1.0 MB; a smaller/m.exec(
        refused.stderr,
      ) ?? []
    // Rounded up.
    const memory = `${Number(least) + 0.1}MB`
    const { stdout, code } = await train('tight', ...large, '--memory', memory)
    expect(stdout).toMatch(/^recomputing activations: .+ MB instead of .+ MB, \d+ % more arithmetic in each step$/m)
    expect(code).toBe(0)
    // Another memory for the rest of the run.
    await regraft(['train', 'images', ...small, ...large, '--run', 'moved', '--memory', memory], {
      cwd: folder.path,
      onOutput: (text, kill) => {
        if (text.includes('epoch 1/2')) kill('SIGKILL')
      },
    })
    const moved = await here('train', '--resume', 'moved', '--memory', '4GB')
    expect(moved.stderr).not.toContain('error')
    expect(moved.stdout).not.toContain('recomputing')
    for (const run of ['tight', 'moved']) {
      expect(metrics(run)).toEqual(metrics('roomy'))
      expect(weights(run)).toBe(weights('roomy'))
    }
  })
})

describe('regraft find-lr', () => {
  it('suggests a rate for the head and for the trunk, with its reason and a figure', async () => {
    const options = [
      '--network',
      'resnet18-narrow',
      '--size',
      '32',
      '--batch-size',
      '8',
      '--steps',
      '30',
      '--out',
      'rates',
    ]
    const { code, stdout, stderr } = await here('find-lr', 'images', ...options)
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    const [head, backbone] = stdout.trim().split('\n')
    expect(head).toMatch(/^--lr-head \de-?\d: a tenth of [\de.-]+, where the loss was lowest.*rates\/lr-head.png/)
    expect(backbone).toMatch(/^--lr-backbone \de-?\d: a tenth of/)
    expect(existsSync(at('rates', 'lr-backbone.svg'))).toBe(true)
    expect(stdout).toMatch(
      /Train with them:\n {2}regraft train images \\\n(.*\\\n)* {4}--lr-head \de-?\d \\\n {4}--lr-backbone \de-?\d\n$/,
    )
  })
})

describe('runs side by side', () => {
  it('are listed with the settings in which they differ', async () => {
    const { stdout, code } = await here('runs', '.')
    expect(code).toBe(0)
    const [head, , ...rows] = stdout.split('\n')
    expect(head).toMatch(/run .*lr-backbone .*state .*val top-1 .*test top-1/)
    expect(rows.find(row => row.startsWith('frozen'))).toMatch(/ 0 .* finished /)
    const { stdout: lines } = await here('runs', '.', '--json')
    const first = lines
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
      .find(({ run }) => run === 'first')
    expect(first.result.test.top1).toBe(json('first', 'result.json').test.top1)
  })

  it('are compared in one figure', async () => {
    const { stdout, code } = await here('compare', 'first', 'frozen', '--out', 'comparison')
    expect(code).toBe(0)
    expect(stdout).toContain('Figure  comparison/comparison.png')
    expect(stdout).toMatch(
      /In pairs, on the same 9 test images .*\n.*only a right.*\n.*\nfirst +frozen +\d+ +\d+ +\d\.\d{3}\n/,
    )
    const svg = readFileSync(at('comparison', 'comparison.svg'), 'utf8')
    for (const name of ['first', 'frozen']) expect(svg).toContain(name)
  })

  it('write every epoch for TensorBoard', () => {
    const [file] = readdirSync(at('first')).filter(name => name.startsWith('events.out.tfevents'))
    const events = readFileSync(at('first', file as string)).toString('latin1')
    expect(events.split('top1/validation')).toHaveLength(6 + 1)
  })

  it('are not found where there are none', async () => {
    const { stderr, code } = await here('runs', 'nowhere')
    expect(stderr).toBe('error: there is no folder nowhere; name the folder that holds your runs\n')
    expect(code).toBe(7)
  })
})

describe('the head before everything', () => {
  it('ships the trunk as it came where the head alone was best', async () => {
    await train('head', '--epochs', '1', '--unfreeze', 'head:1,all')
    // Such a rate makes the second epoch much worse.
    await train('head-best', '--epochs', '2', '--unfreeze', 'head:1,all', '--lr-backbone', '0.5')
    expect(json('head-best', 'result.json').bestEpoch).toBe(1)
    expect(await readFile(at('head-best/model/model.safetensors'))).toEqual(
      await readFile(at('head/model/model.safetensors')),
    )
  })
})

describe('an interrupted run', () => {
  it('is not trained by two processes at once', async () => {
    let second: ReturnType<typeof regraft> | undefined
    await regraft(['train', 'images', ...small, '--run', 'twice', '--epochs', '5000'], {
      cwd: folder.path,
      onOutput: (text, kill) => {
        if (second || !/epoch +1\//.test(text)) return
        second = regraft(['train', '--resume', 'twice'], { cwd: folder.path }).finally(() => kill('SIGKILL'))
      },
    })
    const { code, stderr } = (await second)!
    expect(stderr).toContain('error: another process is training twice; wait for it, or stop it first\n')
    expect(code).toBe(7)
  })

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'goes on after %s to the same metrics and weights as one that was never interrupted',
    async signal => {
      const run = `interrupted-${signal}`
      let killed = false
      const { code, stderr } = await regraft(['train', 'images', ...small, '--run', run, '--epochs', '6'], {
        cwd: folder.path,
        onOutput: (text, kill) => {
          if (killed || !text.includes('epoch 3/6')) return
          killed = true
          kill(signal)
          // npx passes the terminal's Ctrl-C on to a process that has got it already.
          if (signal === 'SIGINT') setTimeout(() => kill(signal), 5)
        },
      })
      if (signal === 'SIGINT') {
        expect(code).toBe(130)
        expect(stderr).toContain(`Go on with: regraft train --resume ${run}`)
      }
      expect(existsSync(at(run, 'result.json'))).toBe(false)
      const resumed = await regraft(['train', '--resume', run], { cwd: folder.path })
      expect(resumed.stderr).not.toContain('error')
      expect(metrics(run)).toEqual(metrics('first'))
      expect(weights(run)).toBe(weights('first'))
    },
  )

  it('goes on in the middle of an epoch, of gathered gradients, of averages and of a decay to pretrained weights', async () => {
    const more = [
      '--epochs',
      '3',
      '--accumulate',
      '2',
      '--ema',
      '0.9',
      '--unfreeze',
      'head:1,all',
      '--l2-sp',
      '0.5',
      '--save-every',
      '0.001s',
    ]
    await train('whole', ...more)
    let saves = 0
    await regraft(['train', 'images', ...small, '--run', 'cut', ...more], {
      cwd: folder.path,
      onOutput: (text, kill) => {
        if (text.includes('epoch 2/3') && saves++ === 0) setTimeout(() => kill('SIGKILL'), 25)
      },
    })
    expect(existsSync(at('cut', 'result.json'))).toBe(false)
    // A save that was killed leaves such a file; the other is the person's own.
    for (const name of ['last.safetensors.123456.part', 'mine.part']) await writeFile(at('cut/checkpoints', name), 'x')
    const resumed = await here('train', '--resume', 'cut')
    expect(resumed.stderr).not.toContain('error')
    expect(metrics('cut')).toEqual(metrics('whole'))
    expect(weights('cut')).toBe(weights('whole'))
    expect(readdirSync(at('cut/checkpoints')).sort()).toEqual(['best.safetensors', 'last.safetensors', 'mine.part'])
  })

  it('goes on while the head alone is trained, from features, before everything', async () => {
    const more = ['--epochs', '4', '--unfreeze', 'head:3,all']
    const whole = await train('phases', ...more)
    expect(whole.stderr).not.toContain('error')
    expect(json('phases', 'result.json').seconds.features).toBeDefined()
    let killed = false
    await regraft(['train', 'images', ...small, '--run', 'phases-cut', ...more], {
      cwd: folder.path,
      onOutput: (text, kill) => {
        if (killed || !text.includes('epoch 1/4')) return
        killed = true
        kill('SIGKILL')
      },
    })
    expect(existsSync(at('phases-cut', 'result.json'))).toBe(false)
    const resumed = await regraft(['train', '--resume', 'phases-cut'], { cwd: folder.path })
    expect(resumed.stderr).not.toContain('error')
    expect(metrics('phases-cut')).toEqual(metrics('phases'))
    expect(await readFile(at('phases-cut/model/model.safetensors'))).toEqual(
      await readFile(at('phases/model/model.safetensors')),
    )
  })

  it('ships the same weights when it is killed while statistics of batch norms are recomputed', async () => {
    const more = ['--epochs', '2', '--ema', '0.9', '--norm-statistics', 'recomputed', '--augment', 'crop-flip']
    const whole = await train('recomputed', ...more)
    expect(whole.stderr).not.toContain('error')
    let killed = false
    await regraft(['train', 'images', ...small, '--run', 'unfinished', ...more], {
      cwd: folder.path,
      terminal: true,
      onOutput: (text, kill) => {
        if (killed || !text.includes('Computing statistics')) return
        killed = true
        kill('SIGKILL')
      },
    })
    expect(killed).toBe(true)
    expect(existsSync(at('unfinished', 'result.json'))).toBe(false)
    const resumed = await regraft(['train', '--resume', 'unfinished'], { cwd: folder.path })
    expect(resumed.stderr).not.toContain('error')
    const left = (run: string) => ({
      weights: readFileSync(at(run, 'model/model.safetensors')),
      validation: json(run, 'result.json').validation,
    })
    expect(left('unfinished')).toEqual(left('recomputed'))
    // What is reported is what the shipped weights reach, not what the epoch did.
    const { bestEpoch, validation } = json('recomputed', 'result.json')
    expect(validation.loss).not.toBe(metrics('recomputed')[bestEpoch - 1].validation.loss)
    const again = await regraft(['evaluate', 'recomputed', '--part', 'val', '--json'], { cwd: folder.path })
    expect(JSON.parse(again.stdout).loss).toBeCloseTo(validation.loss, 5)
  })

  it('takes statistics of batch norms anew or as they ran, whichever is more accurate on validation images', async () => {
    const more = ['--epochs', '2', '--ema', '0.9', '--augment', 'crop-flip']
    const [running, auto] = [await train('ran', ...more), await train('either', ...more, '--norm-statistics', 'auto')]
    expect(running.stderr + auto.stderr).not.toContain('error')
    const result = (run: string) => json(run, 'result.json')
    const better = result('recomputed').validation.top1 > result('ran').validation.top1 ? 'recomputed' : 'ran'
    expect(result('either')).toMatchObject({
      normStatistics: better === 'ran' ? 'running' : 'recomputed',
      validation: result(better).validation,
    })
    expect(weights('either')).toBe(weights(better))
    expect(readFileSync(at('either/model/README.md'), 'utf8').includes('recomputed for them')).toBe(better !== 'ran')
    expect(auto.stdout.includes('Statistics of batch norms are recomputed')).toBe(better !== 'ran')
  })

  it('keeps what it had when a checkpoint no longer fits the disk', async () => {
    const args = ['train', 'images', ...small, '--run', 'full', '--epochs', '6']
    await regraft(args, {
      cwd: folder.path,
      onOutput: (text, kill) => {
        if (text.includes('epoch 3/6')) kill('SIGINT')
      },
    })
    const full = await regraft(['train', '--resume', 'full'], { cwd: folder.path, largestFile: 500 })
    expect(full.stderr).toMatch(
      /error: full\/checkpoints\/\w+.safetensors cannot be written: .*; what was there before is unharmed/,
    )
    expect(full.code).toBe(7)
    const resumed = await here('train', '--resume', 'full')
    expect(resumed.stderr).not.toContain('error')
    expect(metrics('full')).toEqual(metrics('first'))
  })

  it('does not resume what has finished, or what is no run', async () => {
    const finished = await here('train', '--resume', 'first')
    expect(finished.stderr).toBe('error: first has finished already; its results are in first/result.json\n')
    expect(finished.code).toBe(7)
    const none = await here('train', '--resume', 'images')
    expect(none.stderr).toBe(
      "error: images holds no run (there is no config.json); name a folder that 'regraft train' made\n",
    )
  })
})

describe('what a person can get wrong', () => {
  const cases: [string, string[], number, RegExp][] = [
    [
      'a typo in an option',
      ['train', 'images', '--epoch', '3'],
      2,
      /unknown option '--epoch'\s+\(Did you mean --epochs\?\)/,
    ],
    ['a typo in a command', ['trian', 'images'], 2, /unknown command 'trian'\s+\(Did you mean train\?\)/],
    [
      'a value that is no number',
      ['train', 'images', '--epochs', 'many'],
      2,
      /option '--epochs <N>' argument 'many' is invalid. Expected a number./,
    ],
    [
      'a value out of range',
      ['train', 'images', '--epochs', '0'],
      2,
      /error: option epochs: .*expected a number above 0/,
    ],
    ['a folder that is not there', ['train', 'nowhere'], 3, /error: there is no folder nowhere; check the path/],
    [
      'a network that is not there',
      ['train', 'images', '--network', 'resnet5'],
      2,
      /there is no network 'resnet5'; did you mean 'resnet50'\?/,
    ],
    [
      'a stage that is not there',
      [
        'train',
        'images',
        '--network',
        'resnet18-narrow',
        '--weights',
        'none',
        '--freeze-until',
        'layer9',
        '--run',
        'nostage',
      ],
      2,
      /--freeze-until layer9: resnet18-narrow has no such stage; did you mean layer1\? Stages: conv1, layer1/,
    ],
    [
      'a run folder that is taken',
      ['train', 'images', '--weights', 'none', '--network', 'resnet18-narrow', '--run', 'first'],
      7,
      /first already holds a run; go on with --resume first, or choose another --run FOLDER/,
    ],
    ['a class to leave out that is not there', ['train', 'images', '--exclude', 'stripe'], 3, /stripes/],
    [
      'images that are not there',
      ['predict', 'first', 'nothing.jpg'],
      3,
      /nothing.jpg is no file, holds no images, and matches none; check the path/,
    ],
    [
      'learning rates at which the loss diverges',
      ['train', 'images', ...small.slice(0, -4), '--lr-backbone', '1e6', '--lr-head', '1e6', '--run', 'diverged'],
      6,
      /the loss became (NaN|Infinity) at epoch \d+, step \d+, with learning rates .* try rates ten times smaller/,
    ],
  ]
  it.each(cases)('%s', async (_, args, expectedCode, message) => {
    const { code, stderr } = await here(...args)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^\s+at /m)
    expect(code).toBe(expectedCode)
  })

  it('an image that cannot be decoded is named before training starts, and left out on demand', async () => {
    await shapeImages(at('damaged'), 10)
    const whole = await readFile(at('damaged/circle/3.jpg'))
    await writeFile(at('damaged/circle/3.jpg'), whole.subarray(0, whole.length / 2))
    const args = ['train', 'damaged', ...small, '--epochs', '1', '--run', 'from-damaged']
    const refused = await here(...args)
    expect(refused.stderr).toMatch(
      /error: circle\/3.jpg cannot be decoded \(.*\); remove it, or train with --skip-bad-images/,
    )
    expect(refused.code).toBe(3)
    const { code } = await here(...args, '--skip-bad-images')
    expect(code).toBe(0)
    expect(json('from-damaged', 'skipped-images.json')).toMatchObject([{ path: 'circle/3.jpg' }])
  })

  it('a class that the model does not know is named', async () => {
    await shapeImages(at('strange'), 2)
    await rename(at('strange/circle'), at('strange/ellipse'))
    const { code, stderr } = await here('evaluate', 'first', 'strange')
    expect(stderr).toContain(
      'error: strange has classes that the model does not know: ellipse; rename the folders, or leave them out with --exclude ellipse',
    )
    expect(code).toBe(3)
    const without = await here('evaluate', 'first', 'strange', '--exclude', 'ellipse', 'stripes')
    expect(without).toMatchObject({ code: 0, stdout: expect.stringContaining(', 2 images') })
  })

  it('an accuracy on images that the run was trained on is told as such, wherever they lie now', async () => {
    await cp(at('images'), at('copied'), { recursive: true })
    const { train, val } = json('first', 'config.json').split as { train: string[]; val: string[] }
    const { code, stderr } = await here('evaluate', 'first', 'copied')
    expect(stderr).toContain(
      `warning: of these 90 images the run was trained on ${train.length}, and ${val.length} chose its best epoch: accuracy on new images is likely lower`,
    )
    expect(code).toBe(0)
    expect((await here('evaluate', 'first')).stderr).not.toContain('warning')
  })

  it('predict goes on after an image that cannot be read', async () => {
    await writeFile(at('broken.jpg'), 'no image')
    await sharp({ create: { width: 50, height: 40, channels: 3, background: 'red' } })
      .png()
      .toFile(at('red.png'))
    const { code, stdout, stderr } = await here('predict', 'first', 'broken.jpg', 'red.png')
    expect(stdout).toMatch(/broken.jpg\s+cannot be read/)
    expect(stdout).toMatch(/red.png\s+(circle|square|stripes)/)
    expect(stderr).toContain('1 of 2 images cannot be read; the others were classified')
    expect(code).toBe(3)
  })
})
