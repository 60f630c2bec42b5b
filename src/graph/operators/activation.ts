/** The activations that other operators may carry, and where their gradients pass. */
import type { Activation } from './attributes.js'

/** ReLU is max(x, 0); ReLU6 is min(max(x, 0), 6). */
export const activate = (activation: Activation, x: number): number =>
  activation === 'none' ? x : activation === 'relu' ? Math.max(x, 0) : Math.min(Math.max(x, 0), 6)

/** Whether the gradient passes where the activation gave `y`: strictly inside its linear range, as in PyTorch. */
export const passes = (activation: Activation, y: number): boolean =>
  activation === 'none' || (y > 0 && (activation === 'relu' || y < 6))
