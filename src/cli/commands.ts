/** The commands by their line in the help, each loaded when it is meant: what trains and draws takes its time to load. */
import type { Command } from 'commander'

export interface CommandEntry {
  /** Name, options and arguments, as the help shows them. */
  readonly form: string
  readonly description: string
  load(): Promise<Command>
}

export const commands: readonly CommandEntry[] = [
  {
    form: 'train [options] [data]',
    description: 'fine-tune a pretrained network on a folder of class folders',
    load: async () => (await import('./train.js')).trainCommand,
  },
  {
    form: 'study [options] [study] [data]',
    description: 'run a study of hyper-parameters: a YAML file, or one that ships with regraft',
    load: async () => (await import('./study.js')).studyCommand,
  },
  {
    form: 'worker [options]',
    description: 'train runs of studies that stand in a Redis queue, on as many machines as there are',
    load: async () => (await import('./worker.js')).workerCommand,
  },
  {
    form: 'find-lr [options] <data>',
    description: 'find learning rates: the loss while the rate rises, for the head and then for the trunk',
    load: async () => (await import('./findLr.js')).findLrCommand,
  },
  {
    form: 'evaluate [options] <run> [data]',
    description: "measure a run's model on its test images, or on a folder with the same classes",
    load: async () => (await import('./evaluate.js')).evaluateCommand,
  },
  {
    form: 'predict [options] <paths...>',
    description: 'classify images with a trained run, or with a pretrained network itself',
    load: async () => (await import('./predict.js')).predictCommand,
  },
  {
    form: 'explain [options] <paths...>',
    description: 'show where in an image the network sees what it says: a heat map over the image, by Grad-CAM',
    load: async () => (await import('./explain.js')).explainCommand,
  },
  {
    form: 'export [options] <run>',
    description: 'write what a run has trained for other programs: ONNX, safetensors or PyTorch',
    load: async () => (await import('./export.js')).exportCommand,
  },
  {
    form: 'serve [options] [run]',
    description:
      'a page that shows your runs, live; and a trained model behind HTTP: what images show, and where it sees that',
    load: async () => (await import('./serve.js')).serveCommand,
  },
  {
    form: 'runs [options] [folder]',
    description: 'list runs: date, the settings in which they differ, validation and test accuracy with its interval',
    load: async () => (await import('./runs.js')).runsCommand,
  },
  {
    form: 'compare [options] <runs...>',
    description: 'compare runs: a table of what differs, tests in pairs, and their validation accuracy in one figure',
    load: async () => (await import('./compare.js')).compareCommand,
  },
  {
    form: 'soup [options] <runs...>',
    description: 'average the weights of runs, as far as that helps on their validation images, to one model',
    load: async () => (await import('./soup.js')).soupCommand,
  },
  {
    form: 'report [options] <folder>',
    description: 'write report.html and report.md from the folder of a run or a study',
    load: async () => (await import('./report.js')).reportCommand,
  },
  {
    form: 'audit [options] [data]',
    description: 'look at every image of a folder: damaged and odd files, duplicates and crops, sizes, classes',
    load: async () => (await import('./audit.js')).auditCommand,
  },
  {
    form: 'describe [options] <network>',
    description: 'print the structure of a network as PyTorch does',
    load: async () => (await import('./describe.js')).describeCommand,
  },
  {
    form: 'doctor',
    description: 'show what this machine has, which engine is chosen and why',
    load: async () => (await import('./doctor.js')).doctorCommand,
  },
  {
    form: 'build-native',
    description: 'compile the fast engine, where g++ and oneDNN (Debian: libdnnl-dev) are installed',
    load: async () => (await import('./buildNative.js')).buildNativeCommand,
  },
]
