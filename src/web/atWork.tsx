/** What of a study runs where, what waits and what has failed. */
import type { RunningRun, StudyDetail } from '../server/dashboard/messages.ts'
import { duration } from './format.ts'
import { address } from './parts.tsx'
import { Table } from './table.tsx'

/** How many runs have ended, are at it, wait and have failed, and the time that is left. */
export function standing({ done, cells, running, waiting, failed, left }: StudyDetail): string {
  return [
    `${done} of ${cells} runs have ended`,
    ...(running.length > 0 ? [`${running.length} running`] : []),
    ...(waiting > 0 ? [`${waiting} waiting`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(left === undefined ? [] : [`about ${duration(left)} left`]),
  ].join(', ')
}

/** Where runs train now, and why others have failed. */
export function AtWork({ study: { running, failed } }: { study: StudyDetail }) {
  return (
    <>
      {running.length > 0 && (
        <section class="card">
          <h2>Running now</h2>
          <Table<RunningRun>
            caption="Runs that train now"
            rows={running}
            columns={[
              {
                name: 'Run',
                by: row => row.id,
                cell: row => <a href={address.run(row.id)}>{row.id.split('/').at(-1)}</a>,
              },
              {
                name: 'Where',
                by: row => row.host ?? '',
                cell: row => <span title={row.cpu}>{row.host ?? 'this folder’s machine'}</span>,
              },
              {
                name: 'Epoch',
                by: row => row.epoch ?? 0,
                cell: row => (row.epoch === undefined ? 'starting' : `${row.epoch} of ${row.ofEpochs}`),
              },
              {
                name: 'For',
                by: row => row.seconds ?? 0,
                cell: row => (row.seconds === undefined ? '–' : duration(row.seconds)),
              },
            ]}
          />
        </section>
      )}
      {failed.length > 0 && (
        <section class="card">
          <h2>Failed</h2>
          <ul>
            {failed.map(({ id, reason }) => (
              <li key={id}>
                <b>{id.split('/').at(-1)}</b>: {reason}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  )
}
