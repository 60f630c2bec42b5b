/** The error for a file that would have to run code to be read. */
import { RegraftError } from '../base/errors.js'
import { printable } from './printable.js'

/** Where the classes of networks live; a file that names one holds the network's code by name, not its weights alone. */
const modules = /^(torch\.nn\.|torch\.fx\.|torchvision\.|timm\.|__torch__|__main__\.)/

/** @param name what the file refers to in Python's world */
export function refused(name: string): RegraftError {
  const shown = printable(name)
  const what = modules.test(name)
    ? `it holds a whole module ('${shown}') instead of its weights, and loading that would run its code`
    : `it refers to '${shown}', and loading that would run code`
  return new RegraftError(
    'weights',
    `${what}; nothing was run. If you trust where it comes from, load it in PyTorch and save the weights alone: torch.save(model.state_dict(), 'weights.pth')`,
  )
}
