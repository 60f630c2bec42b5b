/** One look for all figures: two colours that colour-blind people can tell apart, a light grid, no frame. */
import type { Config } from 'vega-lite'

export const colours = { training: '#7d8899', validation: '#0b66c3', highlight: '#d1495b' }
/** For overlays of several runs (Okabe and Ito 2008). */
export const categories = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999']

const text = { font: 'Inter, Helvetica, Arial, "DejaVu Sans", sans-serif', colour: '#26323f', faint: '#5b6876' }

export const theme: Config = {
  background: '#ffffff',
  font: text.font,
  padding: 16,
  view: { stroke: null },
  title: {
    anchor: 'start',
    fontSize: 16,
    fontWeight: 'bold',
    color: text.colour,
    offset: 14,
    subtitleColor: text.faint,
    subtitleFontSize: 12,
    subtitlePadding: 6,
  },
  axis: {
    domainColor: '#c4ccd6',
    gridColor: '#e8ecf1',
    tickColor: '#c4ccd6',
    labelColor: text.faint,
    labelFontSize: 12,
    titleColor: text.faint,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titlePadding: 10,
  },
  legend: {
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titleColor: text.faint,
    labelFontSize: 12,
    labelColor: text.faint,
    gradientStrokeColor: null,
  },
  text: { fontSize: 12, color: text.colour },
  range: { category: categories },
}
