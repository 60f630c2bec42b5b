/** What the tests of the server share: model folders of small networks, real image files, and requests as they go over the wire. */
import { connect } from 'node:net'
import { join } from 'node:path'
import sharp from 'sharp'
import { randomModel } from '../inference/randomModel.testing.js'
import { writeModel } from '../training/model.js'

/** A model folder, whose network has random weights. */
export async function modelFolder(folder: string, classes = ['ant', 'bee', 'cat']): Promise<string> {
  await writeModel(join(folder, 'model'), randomModel('resnet18-narrow', classes, 64), '')
  return folder
}

/** A JPEG of a size, in a colour that follows from a number. */
export const jpeg = (i = 0, width = 90, height = 70): Promise<Buffer> =>
  sharp({
    create: {
      width,
      height,
      channels: 3,
      background: { r: (37 * i) % 256, g: (91 * i) % 256, b: (255 - 6 * i) & 255 },
    },
  })
    .jpeg()
    .toBuffer()

/** A form with files under `image`. */
export function form(...images: readonly Uint8Array[]): FormData {
  const result = new FormData()
  for (const [i, image] of images.entries()) result.append('image', new File([new Uint8Array(image)], `${i}.jpg`))
  return result
}

/** Sends bytes as they are, and gives all that comes back until the connection ends. */
export function raw(url: string, text: string, whenConnected?: (end: () => void) => void): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(text)
      whenConnected?.(() => socket.destroy())
    })
    let answer = ''
    socket.on('data', chunk => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', error => (answer === '' ? reject(error) : resolve(answer)))
  })
}
