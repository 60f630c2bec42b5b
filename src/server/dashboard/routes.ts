/** The dashboard's routes below /api: what the page shows, and the few things that it does. */
import type { Context } from 'hono'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { RegraftError } from '../../base/errors.js'
import { folderOfImages } from '../../data/index.js'
import { ImageTooLarge, UnreadableImage } from '../../inference/index.js'
import { createThumbnails, type Thumbnails } from '../../report/index.js'
import type { RunSummary } from '../../training/index.js'
import { imagesOf } from '../images.js'
import { Refusal } from '../refusal.js'
import type { Shared } from '../serving.js'
import { createJobs, startBody } from './jobs.js'
import { classImages, runDetail, runLine, studyDetail, studyLine } from './lines.js'
import { createLive } from './live.js'
import { createAudits } from './lookAt.js'
import type { Overview, PredictedImage } from './messages.js'
import { pageRoutes } from './page.js'
import { createPlayground } from './playground.js'
import { runningRuns } from './runningRuns.js'
import { createRunStore, imagePath, type RunStore, reached, stateOf, studyOf } from './runStore.js'

export interface Dashboard {
  readonly routes: Hono
  /** Ends the streams that follow runs: they would not end by themselves. */
  end(): void
  close(): Promise<void>
}

/** Pictures that an answer lists at most, and pictures of thumbnails that are kept. */
const [MOST_LISTED, MOST_KEPT] = [200, 2000]

/** @param folder of runs. @throws RegraftError('run') where there is none */
export async function createDashboard(
  folder: string,
  { limits, admission }: Pick<Shared, 'limits' | 'admission'>,
): Promise<Dashboard> {
  const store = await createRunStore(folder)
  const jobs = createJobs(store)
  const playground = createPlayground(limits.pixels)
  const audits = createAudits(store.folder)
  const thumbnails = createThumbnails()
  const kept = new Map<string, Promise<Uint8Array>>()
  const app = new Hono()

  const named = async (context: Context): Promise<[string, RunSummary]> => {
    const id = context.req.query('run') ?? ''
    const summary = await readable(store.run(id))
    if (!summary) throw new Refusal(404, 'there is no run of that name in the folder that is served')
    return [id, summary]
  }

  app.get('/api/overview', async context => {
    const { runs, studies, damaged } = await store.list()
    const ids = studies.map(([id]) => id)
    const lines = await Promise.all(
      runs.map(async ([id, summary]) => runLine(id, summary, (await stateOf(summary)).state, studyOf(id, ids))),
    )
    const overview: Overview = {
      folder: store.folder,
      runs: lines,
      studies: studies.map(([id, record]) => studyLine(id, record)),
      damaged,
    }
    return context.json(overview)
  })

  app.get('/api/run', async context => {
    const [id, summary] = await named(context)
    const { state, process: pid } = await stateOf(summary)
    const study = studyOf(
      id,
      (await store.list()).studies.map(([name]) => name),
    )
    return context.json(runDetail(runLine(id, summary, state, study), summary, pid !== undefined))
  })

  const live = createLive(store)
  app.get('/api/live', live.stream)

  app.get('/api/study', async context => {
    const id = context.req.query('study') ?? ''
    const record = await readable(store.study(id))
    if (!record) throw new Refusal(404, 'there is no study of that name in the folder that is served')
    return context.json(studyDetail(id, record, await runningRuns(store, id, record)))
  })

  app.get('/api/data', async context => context.json(classImages((await named(context))[1])))

  app.get('/api/audit', async context => context.json(audits.state(...(await named(context)))))
  app.post('/api/audit', async context => context.json(await audits.begin(...(await named(context)))))

  /** Of the test images: those of a cell of the confusion matrix, or the mistakes, the worst first. */
  app.get('/api/predictions', async context => {
    const [, summary] = await named(context)
    const { true: trueClass, predicted } = context.req.query()
    const all = (await readable(store.predictions(summary.run))).map((row, index): PredictedImage => {
      const { loss, ...rest } = row
      return { index, ...rest, ...(loss === undefined ? {} : { loss }) }
    })
    const chosen = all.filter(row =>
      trueClass === undefined && predicted === undefined
        ? row.trueClass !== row.predictedClass
        : (trueClass === undefined || row.trueClass === trueClass) &&
          (predicted === undefined || row.predictedClass === predicted),
    )
    chosen.sort((a, b) => (b.loss ?? b.probability) - (a.loss ?? a.probability))
    return context.json({ total: chosen.length, images: chosen.slice(0, MOST_LISTED) })
  })

  /** A small picture: it is named by its number in the run's predictions, or in a part of its split, never by a path. */
  app.get('/api/picture', async context => {
    const [id, summary] = await named(context)
    const index = Number(context.req.query('index'))
    const part = context.req.query('part')
    const key = `${id} ${summary.config.started} ${part} ${index}`
    const picture = kept.get(key) ?? pictureOf(store, summary, part, index, thumbnails)
    kept.delete(key)
    kept.set(key, picture)
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value as string)
    picture.catch(() => kept.delete(key))
    const bytes = await picture
    return context.body(new Uint8Array(bytes), 200, {
      'Content-Type': 'image/jpeg',
      'Cache-Control': 'private, max-age=3600',
    })
  })

  app.use('/api/explain', admission.middleware)
  app.post('/api/explain', async context => {
    const [, summary] = await named(context)
    const [image, ...more] = await imagesOf(context, limits)
    if (!image || more.length > 0) throw new Refusal(400, 'send one image at a time')
    try {
      return context.json(await playground.explain(summary.run, image.bytes, context.req.query('class')))
    } catch (error) {
      if (error instanceof ImageTooLarge) throw new Refusal(413, error.message)
      if (error instanceof UnreadableImage) throw new Refusal(422, error.message)
      if (error instanceof RegraftError) throw new Refusal(400, error.message)
      throw error
    }
  })

  app.use('/api/start', bodyLimit({ maxSize: 65_536 }))
  app.post('/api/start', async context => {
    const body = startBody.safeParse(await context.req.json().catch(() => undefined))
    if (!body.success) {
      const [issue] = body.error.issues
      throw new Refusal(400, `'${issue?.path.join('.')}': ${issue?.message}`)
    }
    return context.json({ run: await jobs.start(body.data) })
  })
  app.post('/api/stop', async context => {
    await jobs.stop(context.req.query('run') ?? '')
    return context.json({ stopping: true })
  })
  app.route('/', pageRoutes())
  // Read once before somebody waits for it
  void store.list().catch(() => {})
  return {
    routes: app,
    end: live.end,
    close: async () => {
      await Promise.all([playground.close(), audits.close(), thumbnails.close()])
    },
  }
}

/** What was read; what is damaged, or has been removed meanwhile, is said in its own words. */
async function readable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    throw error instanceof RegraftError ? new Refusal(404, error.message) : error
  }
}

async function pictureOf(
  store: RunStore,
  { run, config }: RunSummary,
  part: string | undefined,
  index: number,
  thumbnails: Thumbnails,
): Promise<Uint8Array> {
  const known = part === 'train' || part === 'val' || part === 'test' ? part : undefined
  const name = known ? config.split[known][index] : (await readable(store.predictions(run)))[index]?.path
  const path =
    name === undefined ? undefined : imagePath(await folderOfImages(reached(store.folder, config.data)), name)
  if (path === undefined || !config.split[known ?? 'test'].includes(name!))
    throw new Refusal(404, 'there is no such picture')
  return thumbnails.of(path).catch(() => {
    throw new Refusal(404, 'the image is no longer there')
  })
}
