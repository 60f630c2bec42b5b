/** `regraft serve`: a trained model behind HTTP. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { RegraftError } from '../base/errors.js'
import { addComputing, type ComputingOptions, computing } from './computing.js'
import { interruptSignal } from './interrupt.js'
import { calibrated } from './predict.js'
import { say, warn } from './terminal/say.js'

interface ServeCommandOptions extends ComputingOptions {
  readonly port: number
  readonly host: string
  readonly token?: string
  readonly calibration: boolean
  readonly dashboard: boolean
}

export const serveCommand = addComputing(
  new Command('serve')
    .description(
      'a page that shows your runs, live; and a trained model behind HTTP: what images show, and where it sees that',
    )
    .argument(
      '[run]',
      'folder of a finished run, a model folder, or a folder of runs, of which the dashboard is shown',
      'runs',
    ),
  'float32',
)
  .option('--port <N>', 'port that is listened on; 0 takes one that is free', port, 8080)
  .option('--host <ADDRESS>', 'address that is listened on; the default is reached from this machine only', '127.0.0.1')
  .option('--token <SECRET>', 'what requests have to show; needed with other addresses; REGRAFT_TOKEN sets it as well')
  .option('--no-dashboard', 'the model alone')
  .option('--no-calibration', 'probabilities as the network gives them')
  .addHelpText(
    'after',
    '\nExamples:\n  regraft serve runs/photos-resnet50\n  curl -F image=@cat.jpg http://localhost:8080/v1/predict\n  REGRAFT_TOKEN=$(openssl rand -hex 16) regraft serve runs/photos-resnet50 --host 0.0.0.0\n\nhttp://localhost:8080/openapi.json describes what can be asked.',
  )
  .action(async (run: string, options: ServeCommandOptions) => {
    const { port, host, calibration } = options
    const compute = computing(options)
    const token = options.token ?? (process.env.REGRAFT_TOKEN || undefined)
    // Loaded here: no other command needs what it is made of
    const { startServer } = await import('../server/index.js')
    const stop = interruptSignal('\nFinishing what was asked; press Ctrl-C again to end at once.\n')
    const holdsModel = ['model/model.json', 'model.json'].some(name => existsSync(join(run, name)))
    const isRun = existsSync(join(run, 'config.json'))
    if (!holdsModel && !options.dashboard)
      throw new RegraftError(
        'run',
        `${run} holds no trained model, and --no-dashboard leaves nothing else to serve; name a run that has finished`,
      )
    const computed = await compute(holdsModel ? run : undefined)
    // Of a run: the folder that it lies in, with the runs beside it
    const runs = isRun ? dirname(resolve(run)) : holdsModel ? undefined : run
    const server = await startServer(holdsModel ? run : undefined, {
      ...computed,
      port,
      host,
      calibration,
      ...(token ? { token } : {}),
      ...(options.dashboard && runs !== undefined ? { dashboard: runs } : {}),
    })
    if (server.model) {
      const { network, classes, engine, temperature } = server.model
      say(`${run}: ${network}, ${classes.length} classes, engine ${engine}\n`)
      if (temperature !== 1) warn(calibrated(temperature))
    }
    if (isRun && !holdsModel)
      warn(`${run} holds no trained model yet: start the server again once the run has finished\n`)
    if (token) say("Requests have to show the token: 'Authorization: Bearer TOKEN'.\n")
    if (server.model) say(`  curl -F image=@photo.jpg ${server.url}/v1/predict\n`)
    const shown = options.dashboard && runs !== undefined ? `The dashboard of ${runs}` : 'Listening'
    say(`${shown}: ${server.url}${token ? '/?token=…' : ''}; stop with Ctrl-C.\n`)
    if (!stop.aborted) await once(stop, 'abort')
    await server.close()
    say('Stopped; every request that was taken has its answer.\n')
  })

function port(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65535) throw new InvalidArgumentError('Expected a port from 0 to 65535.')
  return value
}
