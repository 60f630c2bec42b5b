/** This release of onnxruntime-node ships without its own types; its interface is that of onnxruntime-common. */
declare module 'onnxruntime-node' {
  export * from 'onnxruntime-common'
}
