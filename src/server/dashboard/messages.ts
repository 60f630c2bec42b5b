/** What the dashboard's page gets from the server. Types alone: the page is compiled with them, and takes nothing else from here. */

export type RunState = 'running' | 'done' | 'stopped'

/** An epoch, as curves need it; accuracies are shares from 0 to 1. */
export interface EpochPoint {
  readonly epoch: number
  readonly lrBackbone: number
  readonly lrHead: number
  readonly seconds: number
  readonly imagesPerSecond: number
  readonly trainLoss: number
  readonly trainTop1: number
  readonly valLoss?: number
  readonly valTop1?: number
}

/** A run in the list. */
export interface RunLine {
  readonly id: string
  readonly state: RunState
  readonly network: string
  /** The data folder's last name. */
  readonly data: string
  readonly classes: number
  readonly started: string
  readonly epochs: number
  readonly ofEpochs: number
  readonly best?: number
  readonly test?: number
  readonly interval?: readonly [number, number]
  readonly settings: Readonly<Record<string, string>>
  /** The study that it is a run of. */
  readonly study?: string
}

export interface StudyLine {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly data: string
  readonly cells: number
  readonly done: number
  readonly started: string
}

export interface Overview {
  readonly folder: string
  readonly runs: readonly RunLine[]
  readonly studies: readonly StudyLine[]
  /** What is wrong with runs that cannot be read. */
  readonly damaged: readonly string[]
}

export interface RunDetail extends RunLine {
  readonly history: readonly EpochPoint[]
  readonly classNames: readonly string[]
  readonly counts: { readonly train: number; readonly val: number; readonly test: number }
  readonly engine: string
  readonly cpu: string
  readonly result?: {
    readonly bestEpoch: number
    readonly validation?: { readonly top1: number; readonly interval: readonly [number, number] }
    readonly test?: {
      readonly top1: number
      readonly top5: number
      readonly meanPerClass: number
      readonly loss: number
      readonly images: number
      readonly interval: readonly [number, number]
    }
    readonly perClass: readonly { readonly class: string; readonly images: number; readonly top1?: number }[]
    /** Of the test images: [true class][predicted class]. */
    readonly confusion: readonly (readonly number[])[]
    readonly calibration?: { readonly temperature: number; readonly before: number; readonly after: number }
    readonly seconds: number
  }
  /** Whether this server can stop it. */
  readonly stoppable: boolean
}

/** A test image and what it was taken for. */
export interface PredictedImage {
  /** Where it stands in the run's predictions: its picture has that number. */
  readonly index: number
  readonly path: string
  readonly trueClass: string
  readonly predictedClass: string
  readonly probability: number
  readonly loss?: number
}

/** Images of a class in the run's split. */
export interface ClassImages {
  readonly class: string
  readonly train: number
  readonly val: number
  readonly test: number
}

/** A run of a study that is training now. */
export interface RunningRun {
  readonly id: string
  /** The machine; where the study runs in one process it is the one with the folder. */
  readonly host?: string
  readonly cpu?: string
  /** The epoch that it is in, of how many. */
  readonly epoch?: number
  readonly ofEpochs?: number
  /** Seconds that it has run there. */
  readonly seconds?: number
}

export interface StudyDetail extends StudyLine {
  readonly waiting: number
  readonly running: readonly RunningRun[]
  readonly failed: readonly { readonly id: string; readonly reason: string }[]
  /** Seconds for what is left, from what finished runs took; not there until one has. */
  readonly left?: number
  /** The options in which cells differ. */
  readonly options: readonly string[]
  readonly rows: readonly {
    readonly settings: Readonly<Record<string, string>>
    readonly runs: readonly { readonly id: string; readonly state: string; readonly reason?: string }[]
    readonly validation?: number
    readonly test?: number
    readonly epochs?: number
  }[]
}

export interface Explained {
  readonly class: string
  readonly scores: readonly { readonly class: string; readonly probability: number }[]
  /** Less sure than of most validation images that it got right: it may show none of the classes. Not there where that is not known. */
  readonly rejected?: boolean
  /** A data URL: the image with the heat map over it. */
  readonly overlay: string
}

/** An event of the live stream: what a run has become. */
export interface LiveRun {
  readonly run: string
  readonly state: RunState
  readonly history: readonly EpochPoint[]
}

/** An image of a run's split; its picture is named by part and position in it, never by its path. */
export interface PlacedImage {
  readonly path: string
  readonly class: string
  readonly part?: 'train' | 'val' | 'test'
  readonly position?: number
}

/** What an audit of a run's images found; of each list the first, with how many there are in all. */
export interface Findings {
  readonly images: number
  readonly ignored: number
  readonly warnings: readonly string[]
  readonly bad: readonly { readonly path: string; readonly reason: string }[]
  readonly badInAll: number
  readonly odd: readonly { readonly name: string; readonly handling: string; readonly images: number }[]
  /** Images whose picture also lies in another part of the split. */
  readonly across: number
  readonly groupsInAll: number
  readonly groups: readonly (readonly PlacedImage[])[]
  readonly sharing: readonly { readonly classes: readonly [string, string]; readonly pairs: number }[]
}

export type AuditState =
  | { readonly state: 'none' }
  | {
      readonly state: 'looking'
      readonly task: 'images' | 'duplicates' | 'pairs'
      readonly done: number
      readonly total: number
    }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'done'; readonly findings: Findings }
