/** The server room: a trained model behind HTTP. */
export { type ServeOptions, type Server, startServer } from './server.js'
