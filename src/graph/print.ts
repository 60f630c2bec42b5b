/** Prints a graph as text, one line a value that is declared and one a node: for reading, and for comparing in tests. */
import { type Graph, lookUp, type Shape, valuesOf } from './graph.js'

const size = (shape: Shape) => `[${shape.join(', ')}]`

/** For instance `relu1 [2, 8, 4, 4] = relu(norm1)`; attributes stand behind the inputs. */
export function print(graph: Graph): string {
  const lines = [`graph ${graph.name}`]
  for (const { name, role, shape, trainable } of valuesOf(graph, 'input', 'parameter', 'statistic', 'state'))
    lines.push(`  ${role === 'parameter' && !trainable ? 'frozen parameter' : role} ${name} ${size(shape)}`)
  for (const { operator, attributes, inputs, outputs } of graph.nodes) {
    const results = outputs.map(name => (name ? `${name} ${size(lookUp(graph, name).shape)}` : '_')).join(', ')
    const constants = Object.entries(attributes).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    lines.push(`  ${results} = ${operator}(${[...inputs.map(name => name || '_'), ...constants].join(', ')})`)
  }
  lines.push(`  return ${graph.outputs.join(', ')}`)
  for (const [name, next] of graph.updates) lines.push(`  ${name} := ${next}`)
  return `${lines.join('\n')}\n`
}
