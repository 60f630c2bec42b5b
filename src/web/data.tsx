/** A run's images: how many of each class there are, and what an audit finds in them. */
import { useEffect, useState } from 'preact/hooks'
import type { AuditState, ClassImages, Findings, RunDetail } from '../server/dashboard/messages.ts'
import { ask, query, useLoad } from './api.ts'
import { counted, percent } from './format.ts'
import { Failure, Waiting } from './parts.tsx'
import { Table } from './table.tsx'

export function Data({ run }: { run: RunDetail }) {
  const loaded = useLoad<ClassImages[]>(query('api/data', { run: run.id }))
  const accuracy = new Map(run.result?.perClass.map(entry => [entry.class, entry.top1]))
  const { train, val, test } = run.counts
  return (
    <Waiting loaded={loaded} what="the data">
      {classes => (
        <>
          <p>
            {counted(train, 'training image')}, {val.toLocaleString()} for validation, {test.toLocaleString()} for
            testing.
          </p>
          <Table
            caption="Images of each class"
            rows={classes}
            columns={[
              { name: 'Class', by: row => row.class, wrap: true, cell: row => row.class },
              { name: 'Training', by: row => row.train, cell: row => row.train },
              { name: 'Validation', by: row => row.val, cell: row => row.val },
              { name: 'Test', by: row => row.test, cell: row => row.test },
              {
                name: 'Test accuracy',
                by: row => accuracy.get(row.class),
                cell: row => percent(accuracy.get(row.class)),
              },
            ]}
          />
          <Audit run={run.id} />
        </>
      )}
    </Waiting>
  )
}

const tasks = {
  images: 'Looking at images',
  duplicates: 'Looking for duplicates',
  pairs: 'Comparing pictures in pairs',
}

/** Every image is decoded and compared, so it is begun by a click. */
function Audit({ run }: { run: string }) {
  const path = query('api/audit', { run })
  const [audit, setAudit] = useState<AuditState>()
  const [failed, setFailed] = useState<string>()
  const looking = audit?.state === 'looking'
  const hear = (init?: RequestInit) =>
    ask<AuditState>(path, init).then(
      state => {
        setFailed(undefined)
        setAudit(state)
      },
      error => setFailed(error.message),
    )
  useEffect(() => {
    void hear()
  }, [path])
  useEffect(() => {
    if (!looking) return
    const timer = setInterval(hear, 500)
    return () => clearInterval(timer)
  }, [path, looking])
  return (
    <section aria-label="Audit">
      <h3>What is odd about them</h3>
      {failed !== undefined && <Failure words={failed} />}
      {audit?.state === 'failed' && <Failure words={audit.reason} />}
      {(audit?.state === 'none' || audit?.state === 'failed') && (
        <p class="row">
          <button type="button" onClick={() => hear({ method: 'POST' })}>
            Look at every image
          </button>
          <span class="soft">
            for damaged and odd files, and pictures that are there twice; it may take some minutes
          </span>
        </p>
      )}
      {audit?.state === 'looking' && (
        <p class="row" role="status">
          {tasks[audit.task]} …
          <progress aria-label={tasks[audit.task]} max={Math.max(1, audit.total)} value={audit.done} />
          <span class="soft">
            {audit.done.toLocaleString()} of {audit.total.toLocaleString()}
          </span>
        </p>
      )}
      {audit?.state === 'done' && <Found run={run} found={audit.findings} />}
    </section>
  )
}

function Found({ run, found }: { run: string; found: Findings }) {
  const { bad, badInAll, odd, groups, groupsInAll, across, sharing, warnings, ignored } = found
  return (
    <>
      {warnings.map(words => (
        <p key={words}>{words}</p>
      ))}
      <p>
        {badInAll === 0 ? 'All images can be decoded.' : `${counted(badInAll, 'image')} cannot be decoded.`}{' '}
        {ignored > 0 && `${counted(ignored, 'other file')} beside them.`}
      </p>
      {bad.length > 0 && (
        <Table
          caption="Images that cannot be decoded"
          rows={bad}
          columns={[
            { name: 'File', by: row => row.path, wrap: true, cell: row => row.path },
            { name: 'Why', wrap: true, cell: row => row.reason },
          ]}
        />
      )}
      {odd.length > 0 && (
        <Table
          caption="Odd images"
          rows={odd}
          columns={[
            { name: 'Images that are', by: row => row.name, cell: row => row.name },
            { name: 'Count', by: row => row.images, cell: row => row.images },
            { name: 'In training', wrap: true, cell: row => row.handling },
          ]}
        />
      )}
      {sharing.length > 0 && (
        <Table
          caption="Classes that share pictures"
          rows={sharing}
          columns={[
            { name: 'Classes', wrap: true, cell: row => row.classes.join(', ') },
            { name: 'Pairs', by: row => row.pairs, cell: row => row.pairs },
          ]}
        />
      )}
      <p>
        {groupsInAll === 0
          ? 'No two images show the same picture.'
          : `${counted(groupsInAll, 'group')} of images show the same picture; ${
              across === 0
                ? 'each lies in one part of the split.'
                : `${counted(across, 'image')} lie in several parts of the split.`
            }`}
      </p>
      {groups.map(group => (
        <ul class="gallery" key={group[0]?.path}>
          {group.map(image => (
            <li key={image.path}>
              <figure>
                {image.part !== undefined && (
                  <img
                    loading="lazy"
                    src={query('api/picture', { run, part: image.part, index: image.position })}
                    alt={image.path}
                  />
                )}
                <figcaption>
                  <b>{image.class}</b> {image.part ?? 'not used'}
                </figcaption>
              </figure>
            </li>
          ))}
        </ul>
      ))}
      {groupsInAll > groups.length && <p class="soft">The first {groups.length} groups are shown.</p>}
    </>
  )
}
