/** The report room: figures and TensorBoard files, made from run folders. */
export { confusionMatrix } from './confusionMatrix.js'
export { accuracyCurves, type CurvePoint, lossCurves, overlaidAccuracy } from './curves.js'
export { renderFigure, writeFigure } from './figure.js'
export { writeRunFigures } from './runFigures.js'
export { appendScalars, tensorboard } from './tensorboard.js'
