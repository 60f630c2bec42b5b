/** A process that downloads one file: its arguments are the address, the name in the cache and the checksum. */
import { downloadFile } from './download.js'

const [url = '', name = '', sha256 = ''] = process.argv.slice(2)
await downloadFile({ url, name, sha256 })
