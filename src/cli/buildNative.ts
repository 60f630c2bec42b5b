/** `regraft build-native`: compiles the fast engine for this machine. */
import { Command } from 'commander'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { say } from './terminal/say.js'

const builder = z.object({ buildNative: z.custom<() => Promise<boolean>>(value => typeof value === 'function') })

export const buildNativeCommand = new Command('build-native')
  .description('compile the fast engine, where g++ and oneDNN (Debian: libdnnl-dev) are installed')
  .action(async () => {
    const script = new URL('../../scripts/build-native.mjs', import.meta.url)
    const { buildNative } = builder.parse(await import(script.href))
    if (!(await buildNative()))
      throw new RegraftError('engine', 'the native engine was not built; the portable one goes on working')
    say('The native engine is ready.\n')
  })
