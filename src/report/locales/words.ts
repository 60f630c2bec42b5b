/** What a report says, in every language: one shape that all locale tables have. Numbers arrive written out. */
import type { Preprocessing } from '../../base/preprocessing.js'
import type { Text } from '../document/document.js'

/** The words inside figures. */
export interface FigureWords {
  readonly accuracy: string
  readonly loss: string
  readonly accuracyAxis: string
  readonly lossAxis: string
  readonly epoch: string
  readonly training: string
  readonly validation: string
  readonly percent: (value: string) => string
  readonly bestEpoch: (epoch: number, value: string) => string
  readonly validationAccuracy: string
  readonly validationLoss: string
  readonly confusion: {
    readonly title: string
    readonly rows: string
    readonly order: (classes: number) => string
    readonly most: (pairs: readonly string[]) => string
    readonly pair: (trueClass: string, predictedClass: string, images: number) => string
    readonly predicted: string
    readonly actual: string
    readonly share: string
  }
  readonly reliability: {
    readonly title: string
    /** In lines: the longest makes the figure as wide as it is. */
    readonly subtitle: readonly string[]
    readonly confidence: string
    readonly before: string
    readonly after: string
  }
  readonly finder: {
    readonly title: string
    readonly rate: string
    readonly suggestion: (rate: string) => string
  }
  readonly validationAxis: string
  readonly response: {
    readonly title: (option: string) => string
    readonly finished: string
    readonly stopped: string
  }
  readonly comparison: {
    readonly title: (option: string) => string
    readonly axis: string
    readonly here: string
    readonly reference: string
  }
}

/** How numbers are written. */
export interface Numbers {
  /** A share from 0 to 1: '94.6 %'. */
  readonly percent: (share: number) => string
  /** A difference of shares, with its sign: '+2.6 points'. */
  readonly points: (difference: number) => string
  /** Without a sign: '2.6 points'. */
  readonly difference: (difference: number) => string
  readonly interval: (low: number, high: number) => string
  readonly duration: (seconds: number) => string
  readonly count: (value: number) => string
  readonly images: (count: number) => string
  /** An aside, with the space before it. */
  readonly aside: (text: string) => string
  readonly yes: string
  readonly no: string
  readonly none: string
}

export interface RunWords {
  readonly title: (network: string, data: string) => string
  readonly subtitle: (started: string, version: string) => string
  readonly testAccuracy: string
  readonly interval: (interval: string) => string
  readonly meanPerClass: string
  readonly meanPerClassNote: string
  readonly validationAccuracy: string
  readonly atEpoch: (epoch: number, epochs: number) => string
  readonly time: string
  readonly unfinished: (epochs: number) => string
  readonly accuracyFound: (numbers: { images: string; right: string; accuracy: string; interval: string }) => string
  readonly testedOnce: (epoch: number, epochs: number) => string
  readonly smallClasses: (difference: string) => string
  readonly overfits: (difference: string) => string
  readonly lastIsBest: string
  readonly stoppedRising: (epoch: number, epochs: number) => string
  /** Test images whose picture is in another part; without them where there are others. */
  readonly twins: (
    test: number,
    without: { readonly images: string; readonly accuracy: string; readonly interval: string } | undefined,
  ) => string
}

export interface DoneWords {
  readonly title: string
  readonly network: string
  readonly name: string
  readonly parameters: string
  readonly parametersText: (all: string, trained: string) => string
  readonly trained: string
  readonly everything: string
  readonly headOnly: string
  readonly fromStage: (stage: string) => string
  readonly flops: string
  readonly flopsText: (flops: string) => string
  readonly input: string
  readonly inputText: (preprocessing: Preprocessing) => string
  readonly weights: string
  readonly randomWeights: string
  readonly structure: string
  readonly data: string
  readonly folder: string
  readonly classes: string
  readonly split: string
  readonly splitText: (train: string, validation: string, test: string) => string
  readonly shares: (shares: string) => string
  readonly grouped: string
  /** Where the images came with a split; `taken`: for what it had none. */
  readonly ownSplit: Readonly<Record<'folder' | 'labels', string>>
  readonly taken: (part: 'validation' | 'test', shares: string) => string
  /** Between the rules of a split. */
  readonly semicolon: string
  readonly across: string
  readonly acrossText: (images: number, test: number) => string
  readonly augmentation: string
  readonly augmentations: Readonly<Record<'crop-flip' | 'trivial' | 'none', string>>
  readonly classSizes: string
  readonly classSizesText: (smallest: string, few: string, largest: string, many: string) => string
  readonly classSizesEqual: (images: string) => string
  readonly classTable: string
  readonly class: string
  readonly trainImages: string
  readonly validationImages: string
  readonly testImages: string
  readonly samples: string
  readonly settings: string
  readonly setting: string
  readonly value: string
  readonly usual: string
  readonly asUsual: string
  readonly allSettings: string
  readonly lrFrozen: string
}

export interface ResultWords {
  readonly training: string
  readonly accuracyAlt: string
  readonly lossAlt: string
  /** The same run from random weights, in figure and sentence. */
  readonly scratch: {
    readonly pretrained: string
    readonly random: string
    readonly alt: string
    readonly sentence: (pretrained: string, random: string) => string
  }
  readonly epochTable: string
  readonly epoch: string
  readonly rateBackbone: string
  readonly rateHead: string
  readonly trainLoss: string
  readonly trainAccuracy: string
  readonly validationLoss: string
  readonly validationAccuracy: string
  readonly perClass: string
  readonly seconds: string
  readonly results: string
  readonly part: string
  readonly validation: string
  readonly test: string
  readonly testWithout: string
  readonly images: string
  readonly top1: string
  readonly interval: string
  readonly top5: string
  readonly meanPerClass: string
  readonly loss: string
  readonly validationOptimistic: string
  readonly confusion: string
  readonly confusionAlt: string
  readonly scores: string
  readonly scoresText: (precision: string, recall: string, f1: string) => string
  readonly weakest: (count: number) => string
  readonly allClasses: (count: number) => string
  readonly precision: string
  readonly recall: string
  readonly f1: string
  readonly pairs: string
  readonly pairsText: string
  readonly pair: (trueClass: string, predictedClass: string) => Text
  readonly pairCount: (images: string, share: string) => string
  readonly worst: string
  readonly worstText: (mistakes: string, images: string) => string
  readonly worstByLoss: string
  readonly worstByConfidence: string
  readonly heat: string
  readonly noMistakes: string
  readonly isClass: (name: string) => Text
  readonly takenFor: (name: string, probability: string) => Text
  readonly lossOf: (loss: string) => string
  readonly calibration: string
  readonly calibrationAlt: string
  readonly overconfident: (confidence: string, accuracy: string) => string
  readonly underconfident: (confidence: string, accuracy: string) => string
  readonly ece: (before: string) => string
  readonly temperature: (temperature: string, after: string) => string
  /** One that helped the validation images and not the test images. */
  readonly temperatureWorse: (temperature: string, after: string) => string
  /** One that is not used. */
  readonly refused: Readonly<Record<'bound' | 'unproven' | 'worse', (temperature: string, ece: string) => string>>
}

export interface CostWords {
  readonly title: string
  readonly total: string
  readonly features: string
  readonly epochs: string
  readonly epochsText: (total: string, each: string) => string
  readonly speed: string
  readonly speedText: (perSecond: string) => string
  readonly memory: string
  readonly shipped: string
  readonly machine: string
  readonly engine: string
  readonly engineText: (engine: string, threads: number, precision: string) => string
}

export interface ReproduceWords {
  readonly title: string
  readonly text: string
  readonly sameBits: string
  readonly version: string
  readonly seed: string
  readonly started: string
  readonly pretrained: string
  readonly shipped: string
  /** What the checksum follows. */
  readonly shippedText: (bytes: string) => string
}

export interface StudyWords {
  readonly title: (name: string) => string
  readonly subtitle: (started: string, version: string) => string
  readonly kinds: Readonly<Record<'one-at-a-time' | 'grid' | 'random' | 'halving', string>>
  readonly severalSeeds: (seeds: number) => string
  readonly oneSeed: string
  readonly scaled: (factor: string) => string
  readonly varies: string
  readonly unfinished: (runs: number) => string
  readonly chosenTest: string
  readonly chosenNote: (settings: string) => string
  readonly luckyTest: string
  readonly luckyNote: string
  readonly runs: string
  readonly failedRuns: (failed: number) => string
  readonly runsOf: (done: number, all: number) => string
  readonly time: string
  readonly colon: string
  readonly comma: string
  readonly tables: string
  /** `pairs`: rows were compared image by image; `intervals`: all there is. */
  readonly tablesText: (by: 'pairs' | 'intervals') => string
  readonly pairs: string
  readonly firstRow: string
  readonly secondRow: string
  readonly onlyFirst: string
  readonly onlySecond: string
  readonly pValue: string
  readonly corrected: string
  /** What a claim rests on: a p-value, or intervals. */
  readonly evidence: (p: string | undefined) => string
  /** How the others do against the first of a ranking. */
  readonly testedAgainstFirst: (counts: {
    readonly others: number
    readonly worse: number
    readonly better: number
  }) => string
  readonly baseline: string
  readonly validationAccuracy: string
  readonly testAccuracy: string
  readonly withoutTwins: string
  readonly interval: string
  readonly meanPerClass: string
  readonly reference: string
  readonly seeds: string
  readonly comparisonAlt: (option: string) => string
  readonly overlayAlt: string
  readonly overlayLossAlt: string
  readonly overlayCaption: string
  readonly tooFew: string
  readonly noise: (difference: string, by: 'pairs' | 'intervals') => string
  readonly largerIsBetter: (from: string, to: string, points: string, evidence: string) => string
  readonly smallerIsBetter: (from: string, to: string, points: string, evidence: string) => string
  readonly level: (best: string, others: readonly string[]) => string
  readonly best: (value: string, worse: readonly string[], points: string, evidence: string) => string
  readonly someDiffer: (difference: string, by: 'pairs' | 'intervals') => string
  readonly referenceAgrees: (value: string, accuracy: string) => string
  /** Where the rows cannot be told apart here. */
  readonly referenceOpen: (value: string, accuracy: string) => string
  readonly referenceDiffers: (value: string, accuracy: string, here: string) => string
  readonly ranking: string
  readonly rankingText: string
  readonly rank: string
  readonly responses: string
  readonly responseAlt: (option: string) => string
  readonly epochs: string
  readonly stoppedAfter: (epochs: number) => string
  readonly allSettings: (count: number) => string
  readonly levelWithBest: (level: number, others: number) => string
  readonly bestTitle: string
  readonly nothingChosen: string
  readonly chosenRow: string
  readonly luckyRow: string
  readonly settings: string
  readonly seed: (seed: number) => string
  readonly honest: string
  readonly detailOf: (seed: string) => string
  readonly allRuns: string
  readonly overlayAllCaption: (shown: number, all: number) => string
  readonly runTable: (runs: number) => string
  readonly machines: string
  readonly machinesText: string
  readonly host: string
  readonly threads: string
  readonly runsThere: string
  readonly seedTitle: string
  readonly bestEpoch: string
  readonly state: string
  readonly states: Readonly<Record<'waiting' | 'running' | 'done' | 'stopped' | 'failed', string>>
  readonly curves: (shown: number, all: number) => string
  readonly failed: string
  readonly failedText: string
  readonly reason: string
  readonly noReason: string
  readonly costText: (total: string) => string
  readonly reproduceText: string
  readonly reproduceBest: string
}

/** Of a run's model on images of another folder, or of a part of its own. */
export interface EvaluationWords {
  readonly title: (network: string, images: string) => string
  readonly subtitle: (date: string, version: string) => string
  readonly accuracy: string
  readonly accuracyFound: (numbers: { images: string; right: string; accuracy: string; interval: string }) => string
  readonly seen: (train: number, validation: number) => string
  readonly passing: string
  readonly rejected: string
  readonly rejectedFound: (numbers: {
    readonly threshold: string
    readonly right: string
    readonly rightAll: string
    readonly unknown: string
    readonly unknownAll: string
    readonly classes: number
  }) => string
  readonly whatWas: string
  readonly model: string
  readonly images: string
}

export interface Words {
  /** A tag as HTML's `lang` takes it. */
  readonly tag: string
  readonly contents: string
  /** Whether it is written in letters that the project's own font has. */
  readonly latin: boolean
  /** What the names of figure files end in: they hold words. */
  readonly figureSuffix: string
  /** What stands between two sentences. */
  readonly sentenceGap: string
  readonly footer: (version: string) => string
  readonly numbers: Numbers
  readonly figures: FigureWords
  /** Names of options, by their names in the configuration. */
  readonly options: Readonly<Record<string, string>>
  readonly run: RunWords
  readonly done: DoneWords
  readonly results: ResultWords
  readonly evaluation: EvaluationWords
  readonly study: StudyWords
  readonly cost: CostWords
  readonly reproduce: ReproduceWords
}
