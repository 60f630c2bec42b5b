/** The page of an audit: what was found in a folder of images, with pictures. */
import { resolve } from 'node:path'
import { writeFileAtomic } from '../../base/files.js'
import { plural } from '../../base/plural.js'
import { version } from '../../base/version.js'
import type { Audit, Dataset } from '../../data/index.js'
import type { ReportDocument } from '../document/document.js'
import { writeHtml } from '../document/html.js'
import { duplicateSection, oddSection } from './auditPictures.js'
import { badSection, classSection, count, faultSection, share, sizeSection } from './auditTables.js'

/** Writes the page: one file, with everything inside. */
export async function writeAuditPage(file: string, dataset: Dataset, found: Audit): Promise<void> {
  await writeFileAtomic(file, writeHtml(await auditDocument(dataset, found)))
}

async function auditDocument(dataset: Dataset, found: Audit): Promise<ReportDocument> {
  const { images, classes, bad, duplicates, apart, across, odd, root, ignored } = found
  const tiles = [
    { label: 'Images', value: count(images), note: `${plural(ignored, 'other file')} beside them` },
    { label: 'Classes', value: count(classes.length) },
    { label: 'Cannot be decoded', value: count(bad.length) },
    {
      label: 'Groups of duplicates',
      value: count(duplicates.groups.length),
      note: plural(duplicates.groups.flat().length, 'image'),
    },
    {
      label: 'On different sides of the split',
      value: count(apart),
      note: across > 0 ? 'duplicates; train leaves a given split as it is' : 'duplicates that train keeps together',
    },
    { label: 'Gray', value: share(odd.gray.length, images) },
  ]
  return {
    language: 'en',
    title: 'Data audit',
    subtitle: resolve(root),
    contents: 'Contents',
    lead: [{ kind: 'tiles', tiles }],
    sections: [
      ...faultSection(dataset),
      classSection(found),
      ...(bad.length > 0 ? [badSection(found)] : []),
      ...(duplicates.groups.length > 0 ? [await duplicateSection(dataset, found)] : []),
      await oddSection(dataset, found),
      sizeSection(found),
    ],
    footer: `Written by regraft ${version}`,
  }
}
