/** Test images with what they are and what they were taken for. */
import type { PredictedImage } from '../server/dashboard/messages.ts'
import { query, useLoad } from './api.ts'
import { counted, percent } from './format.ts'
import { Waiting } from './parts.tsx'

/** @param cell of the confusion matrix; without it: the mistakes */
export function Gallery({ run, cell }: { run: string; cell?: { readonly true: string; readonly predicted: string } }) {
  const loaded = useLoad<{ total: number; images: PredictedImage[] }>(
    query('api/predictions', { run, true: cell?.true, predicted: cell?.predicted }),
  )
  return (
    <Waiting loaded={loaded} what="images">
      {({ total, images }) =>
        total === 0 ? (
          <p class="empty">{cell ? 'No test image is in this cell.' : 'No test image was taken for another class.'}</p>
        ) : (
          <>
            <p class="soft">
              {counted(total, 'image')}
              {total > images.length ? `, the first ${images.length} shown` : ''}; the worst first
            </p>
            <ul class="gallery">
              {images.map(image => (
                <li key={image.index}>
                  <figure>
                    <img loading="lazy" src={query('api/picture', { run, index: image.index })} alt={image.path} />
                    <figcaption>
                      <b>{image.trueClass}</b>
                      {image.trueClass === image.predictedClass ? (
                        ` ${percent(image.probability)}`
                      ) : (
                        <>
                          {' '}
                          taken for <span class="wrong">{image.predictedClass}</span> {percent(image.probability)}
                        </>
                      )}
                    </figcaption>
                  </figure>
                </li>
              ))}
            </ul>
          </>
        )
      }
    </Waiting>
  )
}
