/** How to load a shipped model, as programs that run in the model's folder. */
import type { RunConfig } from './runFolder.js'

const block = (language: string, code: string) => `\`\`\`${language}\n${code.trim()}\n\`\`\`\n`

/** The network in PyTorch's world: torchvision has it, or timm, or both. */
function libraries(name: string): { torchvision?: string; timm?: string } {
  if (name === 'resnet18-narrow') return {}
  if (name.startsWith('efficientnet_lite')) return { timm: `tf_${name}` }
  return name === 'mobilenet_v2' ? { torchvision: name } : { torchvision: name, timm: name }
}

/** Markdown: TypeScript, PyTorch where it has the network, and ONNX Runtime. */
export function snippets({ network, classes }: Pick<RunConfig, 'network' | 'classes'>): string {
  const { torchvision, timm } = libraries(network)
  const loaded = (create: string, library: string) => `
from safetensors.torch import load_file
import ${library}

model = ${create}
model.load_state_dict(load_file("model.safetensors"), strict=True)
model.eval()`
  const parts = [
    [
      'TypeScript',
      block(
        'ts',
        `
import { predict } from 'regraft'

for await (const image of predict('.', ['photo.jpg']))
  console.log('scores' in image ? image.scores[0] : image.error)`,
      ),
    ],
    torchvision && [
      'PyTorch (torchvision)',
      block('python', loaded(`torchvision.models.${torchvision}(num_classes=${classes.length})`, 'torchvision')),
    ],
    timm && [
      'PyTorch (timm)',
      block('python', loaded(`timm.create_model("${timm}", num_classes=${classes.length})`, 'timm')),
    ],
    [
      'ONNX Runtime, after `npx regraft export . --preprocessing --probabilities --out model.onnx`',
      block(
        'js',
        `
import { InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'

const { data, info } = await sharp('photo.jpg').removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
const session = await InferenceSession.create('model.onnx')
const image = new Tensor('uint8', new Uint8Array(data), [info.height, info.width, 3])
const { probabilities } = await session.run({ image })
console.log(probabilities.data)`,
      ),
    ],
  ]
  return parts.flatMap(part => (part ? [`${part[0]}:\n\n${part[1]}\n`] : [])).join('')
}
