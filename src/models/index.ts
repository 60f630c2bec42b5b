/** The models room: networks as pure functions that return a graph, with names, shapes and order of PyTorch's world. */
export { describe, summarise } from './describe.js'
export { type HubModel, readHubModel } from './hubConfig.js'
export { lookalike } from './lookalikes.js'
export { buildGraph, composite, type Module, sequential, structure } from './module.js'
export { belongsTo, type Network, networkGraph, type PretrainedWeights } from './network.js'
export { type Recognised, recognise } from './recognise.js'
export { inferNetwork, networkNamed, networks } from './registry.js'
export { stateShapes } from './stateShapes.js'
