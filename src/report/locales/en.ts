/** English. */
import { duration } from '../../base/duration.js'
import type { Words } from './words.js'

const plural = (count: string | number, one: string, many = `${one}s`): string =>
  `${count} ${String(count) === '1' ? one : many}`
const fixed = (share: number) => (100 * share).toFixed(1)

/** 'a, b and c' */
const listed = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`

export const en: Words = {
  tag: 'en',
  contents: 'Contents',
  latin: true,
  figureSuffix: '',
  sentenceGap: ' ',
  footer: version => `Written by Regraft ${version} from the run folder alone.`,
  numbers: {
    percent: share => `${fixed(share)}\u00a0%`,
    points: difference => `${difference < 0 ? '\u2212' : '+'}${fixed(Math.abs(difference))} points`,
    difference: difference => `${fixed(difference)} points`,
    interval: (low, high) => `${fixed(low)} to ${fixed(high)}\u00a0%`,
    duration,
    count: value => value.toLocaleString('en-US'),
    images: count => plural(count.toLocaleString('en-US'), 'image'),
    aside: text => ` (${text})`,
    yes: 'yes',
    no: 'no',
    none: 'none',
  },
  figures: {
    accuracy: 'Accuracy',
    loss: 'Loss',
    accuracyAxis: 'accuracy, %',
    lossAxis: 'loss (cross-entropy)',
    epoch: 'epoch',
    training: 'training',
    validation: 'validation',
    percent: value => `${value} %`,
    bestEpoch: (epoch, value) => `best epoch ${epoch}: ${value}`,
    validationAccuracy: 'Validation accuracy',
    validationLoss: 'Validation loss',
    confusion: {
      title: 'True and predicted classes',
      rows: 'test images, each row adds up to 100 %',
      order: classes => `; ${classes} classes in alphabetical order`,
      most: pairs => `most often taken for another: ${pairs.join(', ')}`,
      pair: (trueClass, predictedClass, images) => `${trueClass} as ${predictedClass} (${images})`,
      predicted: 'predicted class',
      actual: 'true class',
      share: '% of the class',
    },
    reliability: {
      title: 'Reliability',
      subtitle: ['test images by the confidence of the prediction', 'larger circles hold more images'],
      confidence: 'confidence, %',
      before: 'as trained',
      after: 'with temperature',
    },
    finder: {
      title: 'Loss while the learning rate rises',
      rate: 'learning rate',
      suggestion: rate => `suggested: ${rate}`,
    },
    validationAxis: 'validation accuracy, %',
    response: {
      title: option => `Validation accuracy by ${option.toLowerCase()}`,
      finished: 'finished',
      stopped: 'stopped early',
    },
    comparison: {
      title: option => `Test accuracy by ${option.toLowerCase()}`,
      axis: 'test accuracy, % (bar: 95 % interval)',
      here: 'this study',
      reference: 'reference',
    },
  },
  options: {
    network: 'Network',
    weights: 'Weights',
    weightsPrefix: 'Prefix of weights',
    match: 'Matching of weights',
    epochs: 'Epochs',
    batchSize: 'Batch size',
    lrBackbone: 'Backbone learning rate',
    lrHead: 'Head learning rate',
    optimiser: 'Optimiser',
    weightDecay: 'Weight decay',
    momentum: 'Momentum',
    nesterov: 'Nesterov momentum',
    schedule: 'Schedule',
    gamma: 'Gamma of the schedule',
    stepEpochs: 'Epochs per step',
    warmupEpochs: 'Warm-up epochs',
    warmupSteps: 'Warm-up steps',
    accumulate: 'Batches per update',
    clipNorm: 'Largest gradient norm',
    ema: 'Moving average of weights',
    unfreeze: 'Unfreezing',
    noDecay: 'Without weight decay',
    l2Sp: 'Weight decay to pretrained weights',
    normStatistics: 'Statistics of batch norms',
    lrDecayPerStage: 'Rate decay per stage',
    patience: 'Patience, epochs',
    classWeights: 'Class weights',
    mixup: 'Mixup',
    cutmix: 'CutMix',
    mixOffEpochs: 'Last epochs without mixing',
    freezeUntil: 'Frozen up to',
    freezeBatchNorm: 'Batch norms frozen',
    augment: 'Augmentation',
    cropScale: 'Smallest crop',
    colorJitter: 'Colour jitter',
    randomErasing: 'Random erasing',
    mean: 'Mean of the input',
    std: 'Deviation of the input',
    interpolation: 'Interpolation',
    crop: 'Share of the side that is seen',
    cropMode: 'Crop mode of test images',
    testScale: 'Scale of test images',
    tta: 'Views of a test image',
    labelSmoothing: 'Label smoothing',
    dropout: 'Dropout',
    size: 'Input size',
    split: 'Split',
    splitSeed: 'Seed of the split',
    saveEvery: 'Saved every',
    resplit: 'Own split set aside',
    groupDuplicates: 'Duplicates kept together',
    labels: 'Label file',
    exclude: 'Classes left out',
    skipBadImages: 'Bad images skipped',
    seed: 'Seed',
    engine: 'Engine',
    precision: 'Precision',
    memory: 'Memory of the training step',
    threads: 'Threads',
    compareScratch: 'Compared with random weights',
    run: 'Run folder',
  },
  run: {
    title: (network, data) => `${network} on ${data}`,
    subtitle: (started, version) => `Fine-tuning run of ${started}, Regraft ${version}`,
    testAccuracy: 'Test accuracy',
    interval: interval => `95\u00a0% interval ${interval}`,
    meanPerClass: 'Mean per-class accuracy',
    meanPerClassNote: 'test images, every class counts the same',
    validationAccuracy: 'Validation accuracy',
    atEpoch: (epoch, epochs) => `epoch ${epoch} of ${epochs}`,
    time: 'Time',
    unfinished: epochs =>
      `This run has not finished: ${plural(epochs, 'epoch')} recorded, nothing tested yet. What follows is what there is so far.`,
    accuracyFound: ({ images, right, accuracy, interval }) =>
      `The network is right for ${right} of ${images} test images: ${accuracy}. With so many images, the true accuracy lies within ${interval} (95 % interval, Wilson).`,
    testedOnce: (epoch, epochs) =>
      `The weights are those of epoch ${epoch} of ${epochs}, the best on the validation images. The test images were used once, after training, so their accuracy is not flattered by the choice.`,
    smallClasses: difference =>
      `The mean over classes is lower by ${difference}: classes with many images do better than those with few.`,
    overfits: difference =>
      `At that epoch, accuracy on training images is ${difference} above validation: the network knows its training images by heart to some degree. More images, augmentation or weight decay may help.`,
    lastIsBest: 'The best epoch is the last: validation accuracy was still rising, so more epochs may help.',
    stoppedRising: (epoch, epochs) =>
      `Validation accuracy did not rise after epoch ${epoch}; the other ${plural(epochs - epoch, 'epoch')} gained nothing.`,
    twins: (test, without) =>
      `${plural(test, 'test image')} ${test === 1 ? 'shows' : 'show'} the same picture as images in training or validation, which flatters the accuracy.${without ? ` On the other ${without.images} it is ${without.accuracy} (95\u00a0% interval ${without.interval}).` : ''}`,
  },
  done: {
    title: 'What was done',
    network: 'Network',
    name: 'Network',
    parameters: 'Parameters',
    parametersText: (all, trained) => `${all}, of which ${trained} were trained`,
    trained: 'Trained',
    everything: 'all layers',
    headOnly: 'the last layer only; the other layers kept their pretrained weights',
    fromStage: stage => `from ${stage} on; the layers before it kept their pretrained weights`,
    flops: 'Operations',
    flopsText: flops => `${flops} FLOPs for one image; a multiply-add counts as two`,
    input: 'Input',
    inputText: ({ size, resize, crop }) => {
      const [input, square] = [`${size} × ${size} pixels`, `${resize} × ${resize}`]
      if (crop === 'center') return `${input}, cut from the centre of the image with its short side at ${resize}`
      return resize === size
        ? `${input}: the whole image, squashed`
        : `${input}, cut from the centre of the image squashed to ${square}`
    },
    weights: 'Pretrained weights',
    randomWeights: 'none; training began with random weights',
    structure: 'Structure, in PyTorch’s notation',
    data: 'Data',
    folder: 'Folder',
    classes: 'Classes',
    split: 'Images',
    splitText: (train, validation, test) => `${train} for training, ${validation} for validation, ${test} for testing`,
    shares: shares => `split ${shares} in each class`,
    grouped: 'near-duplicates on the same side',
    ownSplit: { folder: 'the folder’s own split', labels: 'the labels file’s own split' },
    taken: (part, shares) => `${part} images taken from training, ${shares}`,
    semicolon: '; ',
    across: 'In several parts',
    acrossText: (images, test) =>
      `${plural(images, 'image')} ${images === 1 ? 'is a near-duplicate or crop' : 'are near-duplicates or crops'} of others in another part, ${test} of them test images`,
    augmentation: 'Augmentation',
    augmentations: {
      'crop-flip': 'random resized crop and horizontal flip',
      trivial: 'random resized crop, horizontal flip and TrivialAugment',
      none: 'none',
    },
    classSizes: 'Class sizes',
    classSizesText: (smallest, few, largest, many) => `from ${few} (${smallest}) to ${many} (${largest})`,
    classSizesEqual: images => `${images} each`,
    classTable: 'Images of every class',
    class: 'Class',
    trainImages: 'Training',
    validationImages: 'Validation',
    testImages: 'Test',
    samples: 'Training images',
    settings: 'Settings',
    setting: 'Setting',
    value: 'Value',
    usual: 'Default',
    asUsual: 'Everything was left at its default.',
    allSettings: 'All settings',
    lrFrozen: '0 (frozen)',
  },
  results: {
    training: 'Training',
    accuracyAlt: 'Accuracy on training and validation images over the epochs',
    lossAlt: 'Loss on training and validation images over the epochs',
    scratch: {
      pretrained: 'pretrained',
      random: 'from random weights',
      alt: 'Validation accuracy of the pretrained network and of the same network from random weights',
      sentence: (pretrained, random) =>
        `With the same settings from random weights the best validation accuracy is ${random}, against ${pretrained}.`,
    },
    epochTable: 'Every epoch',
    epoch: 'Epoch',
    rateBackbone: 'Rate, backbone',
    rateHead: 'Rate, head',
    trainLoss: 'Training loss',
    trainAccuracy: 'Training, %',
    validationLoss: 'Validation loss',
    validationAccuracy: 'Validation, %',
    perClass: 'Per class, %',
    seconds: 'Seconds',
    results: 'Results',
    part: 'Images of',
    validation: 'validation',
    test: 'test',
    testWithout: 'test, without twins elsewhere',
    images: 'Images',
    top1: 'Accuracy, %',
    interval: '95 % interval',
    top5: 'Top 5, %',
    meanPerClass: 'Mean per class, %',
    loss: 'Loss',
    validationOptimistic:
      'Validation accuracy chose the epoch, so it is a little flattered; test accuracy is the one to quote.',
    confusion: 'Confusion matrix',
    confusionAlt: 'Confusion matrix of the test images: true classes as rows, predicted classes as columns',
    scores: 'Precision, recall and F1',
    scoresText: (precision, recall, f1) =>
      `Means over classes: precision ${precision}, recall ${recall}, F1 ${f1}. Precision is the share of right ones among images taken for the class, recall the share of the class’s images that were recognised, F1 their harmonic mean.`,
    weakest: count => `The ${count} weakest classes`,
    allClasses: count => `All ${count} classes`,
    precision: 'Precision, %',
    recall: 'Recall, %',
    f1: 'F1, %',
    pairs: 'Most confused classes',
    pairsText: 'Which class was taken for which, most images first.',
    pair: (trueClass, predictedClass) => [{ strong: trueClass }, ' taken for ', { strong: predictedClass }],
    pairCount: (images, share) => `${images}, ${share} of the class`,
    worst: 'Worst mistakes',
    worstText: (mistakes, images) => `${mistakes} of ${images} test images were taken for another class.`,
    worstByLoss: 'These have the highest loss: the network gave their true class the least probability.',
    worstByConfidence: 'These are the ones of whose wrong class the network was surest.',
    heat: 'The picture on the right shows where it saw the class that it named (Grad-CAM): bright places speak for it, and what is dim lay outside its view.',
    noMistakes: 'No test image was taken for another class.',
    isClass: name => ['is ', { strong: name }],
    takenFor: (name, probability) => ['taken for ', { strong: name }, `, ${probability}`],
    lossOf: loss => `loss ${loss}`,
    calibration: 'Calibration',
    calibrationAlt: 'Accuracy against confidence of the predictions, in bins of confidence',
    overconfident: (confidence, accuracy) =>
      `The network is too sure of itself: mean confidence ${confidence}, accuracy ${accuracy}.`,
    underconfident: (confidence, accuracy) =>
      `The network is less sure than it could be: mean confidence ${confidence}, accuracy ${accuracy}.`,
    ece: before => `Expected calibration error: ${before}, the mean distance between confidence and accuracy.`,
    temperature: (temperature, after) =>
      `Dividing the logits by a temperature of ${temperature}, fitted on validation images, brings it to ${after}. Predicted classes stay the same.`,
    temperatureWorse: (temperature, after) =>
      `Dividing the logits by a temperature of ${temperature}, which lowers the loss on validation images, makes it worse on the test images: ${after}. It is used all the same, since test images must not choose; --no-calibration leaves it out. Predicted classes stay the same.`,
    refused: {
      bound: temperature =>
        `No temperature could be fitted on the validation images: the best would be beyond ${temperature}, the end of the range. None is used; probabilities are as the network gives them.`,
      unproven: (temperature, ece) =>
        `The temperature that was fitted on validation images, ${temperature}, does not prove itself: fitted on four fifths of them, it does not lower the loss of the rest. With it, the error on the test images would be ${ece}. It is not used; probabilities are as the network gives them.`,
      worse: (temperature, ece) =>
        `The temperature that was fitted on validation images, ${temperature}, makes calibration worse: the error on the test images would be ${ece}. It is not used; probabilities are as the network gives them.`,
    },
  },
  evaluation: {
    title: (network, images) => `${network} measured on ${images}`,
    subtitle: (date, version) => `Evaluation of ${date}, Regraft ${version}`,
    accuracy: 'Accuracy',
    accuracyFound: ({ images, right, accuracy, interval }) =>
      `The network is right for ${right} of ${images} images: ${accuracy}. With so many images, the true accuracy on such images lies within ${interval} (95 % interval, Wilson).`,
    seen: (train, validation) =>
      `The run was trained on ${train} of these images, and ${validation} chose its best epoch: accuracy on new images is likely lower.`,
    passing: 'Right images that pass',
    rejected: 'Other things that are told',
    rejectedFound: ({ threshold, right, rightAll, unknown, unknownAll, classes }) =>
      `Where the network gives its first class a probability below ${threshold}, an image is said to show none of the classes. ${right} of ${rightAll} images that are classified right pass${classes > 0 ? `; ${unknown} of ${unknownAll} images of ${plural(classes, 'class', 'classes')} that the network does not know are rejected` : ''}.`,
    whatWas: 'What was measured',
    model: 'Model',
    images: 'Images',
  },
  study: {
    title: name => `Study: ${name}`,
    subtitle: (started, version) => `Begun ${started}, Regraft ${version}`,
    kinds: {
      'one-at-a-time':
        'One value changes at a time, the others stay at the baseline. So each table tells of one setting, but not of how settings act together.',
      grid: 'Every combination of the values was run.',
      random: 'Settings were drawn at random from their ranges.',
      halving:
        'Successive halving: many settings begin, and after each round only those with the best validation accuracy go on.',
    },
    severalSeeds: seeds =>
      `Every setting was run with ${seeds} seeds; tables give mean ± standard deviation over them.`,
    oneSeed: 'Every setting was run once, with one seed: how much chance there is in a number cannot be told from it.',
    scaled: factor =>
      `To save time, epochs were multiplied by ${factor}, for every setting alike; learning rates fall as far as over all epochs. The tables name epochs as the full study has them. With all of them, accuracies may be higher.`,
    varies: 'varied',
    unfinished: runs =>
      `The study has not finished: ${plural(runs, 'run')} to go. What follows is what there is so far.`,
    chosenTest: 'Test accuracy of the chosen settings',
    chosenNote: settings => `chosen by validation accuracy: ${settings}`,
    luckyTest: 'Best test accuracy of all runs',
    luckyNote: 'selected on the test split, so flattered',
    runs: 'Runs',
    failedRuns: failed => `${failed} failed`,
    runsOf: (done, all) => (done === all ? String(all) : `${done} of ${all}`),
    time: 'Time of all runs',
    colon: ': ',
    comma: ', ',
    tables: 'What each setting does',
    tablesText: by =>
      `Test accuracy is that of the epoch with the best validation accuracy. The 95 % interval (Wilson) is that of the mean for the number of test images; seeds are no new images and do not make it narrower. ${
        by === 'pairs'
          ? 'Whether two rows differ is tested in pairs on the same test images: McNemar’s exact test on the images that only one of them is right about, with p-values corrected by Holm’s method for all pairs of a table; below 0.05 they differ. Over several seeds an image counts for the row that is right about it in more of them. Rows may differ though their intervals overlap.'
          : 'The runs kept no predictions, so rows count as different only where their intervals do not overlap.'
      }`,
    pairs: 'Rows in pairs, on the same test images',
    firstRow: 'First',
    secondRow: 'Second',
    onlyFirst: 'Only first right',
    onlySecond: 'Only second right',
    pValue: 'p (McNemar)',
    corrected: 'p (Holm)',
    evidence: p => (p === undefined ? ', beyond the interval' : ` (${p})`),
    testedAgainstFirst: ({ others, worse, better }) =>
      `On the test images, compared in pairs with the first (McNemar’s exact test, Holm’s correction), ${
        worse + better === 0
          ? others === 1
            ? 'the other cannot be told apart from it'
            : `none of the ${others} others can be told apart from it`
          : [
              ...(worse > 0
                ? [
                    others === 1
                      ? 'the other is worse'
                      : `${worse} of the ${others} others ${worse === 1 ? 'is' : 'are'} worse`,
                  ]
                : []),
              ...(better > 0
                ? [
                    others === 1
                      ? 'the other is better'
                      : `${better} of the ${others} others ${better === 1 ? 'is' : 'are'} better`,
                  ]
                : []),
              ...(others > worse + better ? [`${others - worse - better} cannot be told apart from it`] : []),
            ].join(', ')
      }.`,
    baseline: 'baseline',
    validationAccuracy: 'Validation, %',
    testAccuracy: 'Test, %',
    withoutTwins: 'Test without twins, %',
    interval: '95 % interval',
    meanPerClass: 'Per class, %',
    reference: 'Reference, %',
    seeds: 'Runs',
    comparisonAlt: option => `Test accuracy with its interval for each value of: ${option}`,
    overlayAlt: 'Validation accuracy over the epochs, one line for each setting',
    overlayLossAlt: 'Validation loss over the epochs, one line for each setting',
    overlayCaption: 'Validation accuracy of the first seed of each row.',
    tooFew: 'Fewer than two rows have results, so nothing can be concluded yet.',
    noise: (difference, by) =>
      `This lies within the noise: ${by === 'pairs' ? 'no two rows differ on the same test images (McNemar’s test, Holm’s correction)' : 'the intervals of all rows overlap'}, and best and worst are ${difference} apart.`,
    largerIsBetter: (from, to, points, evidence) => `Larger is better: ${points} from ${from} to ${to}${evidence}.`,
    smallerIsBetter: (from, to, points, evidence) => `Smaller is better: ${points} from ${from} to ${to}${evidence}.`,
    level: (best, others) => `${listed(others)} cannot be told apart from ${best}.`,
    best: (value, worse, points, evidence) =>
      `${value} is the best: ${worse.length === 1 ? `${points} over ${worse[0]}` : `up to ${points} over ${listed(worse)}`}${evidence}.`,
    someDiffer: (difference, by) =>
      `No row is clearly the best: ${by === 'pairs' ? 'none can be told apart from the one with the highest mean' : 'each interval overlaps with that of the highest mean'}. Best and worst are ${difference} apart.`,
    referenceAgrees: (value, accuracy) => `The reference has its best result at ${value} too (${accuracy}).`,
    referenceOpen: (value, accuracy) =>
      `The reference has its best result at ${value} (${accuracy}); these numbers can neither confirm nor refute that.`,
    referenceDiffers: (value, accuracy, here) =>
      `The reference has its best result at ${value} (${accuracy}); here the highest mean is at ${here}.`,
    ranking: 'All settings by validation accuracy',
    rankingText: 'Sorted by validation accuracy, which chooses; test accuracy is shown to be read, not to choose by.',
    rank: '#',
    responses:
      'One point for each setting. The others vary too, so what matters is where the upper edge of the points lies.',
    responseAlt: option => `Validation accuracy of all settings over: ${option}`,
    epochs: 'Epochs',
    stoppedAfter: epochs => `stopped after ${epochs}`,
    allSettings: count => `All ${count} settings`,
    levelWithBest: (level, others) =>
      level === 0
        ? 'The first is the best beyond the interval of its validation accuracy.'
        : `${level} of the ${others} others cannot be told apart from the first: the intervals of their validation accuracies overlap.`,
    bestTitle: 'Best configuration',
    nothingChosen: 'Nothing can be chosen yet: no run with validation images has finished.',
    chosenRow: 'Chosen by validation accuracy',
    luckyRow: 'Best test accuracy (selected on the test split)',
    settings: 'Settings',
    seed: seed => `seed ${seed}`,
    honest:
      'The first row is the result of this study. The second is what one gets by looking at the test images to choose: an estimate that is too high, shown only because many reports give it.',
    detailOf: seed => `What follows in this section is the chosen run with the best validation accuracy, ${seed}.`,
    allRuns: 'All runs',
    overlayAllCaption: (shown, all) =>
      shown === all
        ? 'The best run of each setting.'
        : `The best run of each of the ${shown} best settings, of ${all}.`,
    machines: 'Machines',
    machinesText:
      'Where the runs were trained. Other CPUs, engines or numbers of threads round otherwise: their runs differ in the last digits.',
    host: 'Machine',
    threads: 'Threads',
    runsThere: 'Runs',
    runTable: runs => `Table of all ${plural(runs, 'run')}`,
    seedTitle: 'Seed',
    bestEpoch: 'Best epoch',
    state: 'State',
    states: { waiting: 'waiting', running: 'running', done: 'done', stopped: 'stopped early', failed: 'failed' },
    curves: (shown, all) =>
      shown === all
        ? `Accuracy and loss of each of the ${plural(all, 'run')}`
        : `Accuracy and loss of the ${shown} best of ${all} runs; those of the others are in their folders`,
    failed: 'Failed runs',
    failedText: 'These runs ended with an error; the others went on without them.',
    reason: 'Reason',
    noReason: 'not recorded',
    costText: total => `All runs together took ${total}. What follows is of the run that is shown in detail.`,
    reproduceText: 'This command makes the study anew; interrupted, it goes on where it stopped:',
    reproduceBest: 'This one makes the chosen run alone:',
  },
  cost: {
    title: 'Time and memory',
    total: 'In all',
    features: 'Features of the frozen layers',
    epochs: 'Epochs',
    epochsText: (total, each) => `${total}, ${each} each`,
    speed: 'Training speed',
    speedText: perSecond => `${perSecond} images per second`,
    memory: 'Training step',
    shipped: 'Weights as shipped',
    machine: 'Machine',
    engine: 'Engine',
    engineText: (engine, threads, precision) => `${engine}, ${plural(threads, 'thread')}, ${precision}`,
  },
  reproduce: {
    title: 'How to reproduce it',
    text: 'This command makes the run anew:',
    sameBits:
      'The same seed, engine, threads and precision give the same metrics, bit for bit, on the same kind of machine.',
    version: 'Versions',
    seed: 'Seed',
    started: 'Started',
    pretrained: 'Pretrained weights',
    shipped: 'Trained weights',
    shippedText: bytes => `model/model.safetensors, ${bytes} bytes; SHA-256 `,
  },
}
