/**
 * Two pictures, pixel by pixel.
 */

/** A picture, ready to be drawn. */
export async function loaded(address: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/** Draw the difference; the share of pixels that are not the same. */
export function drawDifference(
  canvas: HTMLCanvasElement,
  a: HTMLImageElement,
  b: HTMLImageElement
): number {
  const width = (canvas.width = Math.max(a.naturalWidth, b.naturalWidth));
  const height = (canvas.height = Math.max(a.naturalHeight, b.naturalHeight));
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  if (!pen || width * height === 0) {
    return 0;
  }
  const [before, after] = [a, b].map(image => {
    pen.clearRect(0, 0, width, height);
    pen.drawImage(image, 0, 0);
    return pen.getImageData(0, 0, width, height).data;
  });
  const shown = pen.createImageData(width, height);
  const differing = before && after ? markDifference(before, after, shown.data) : 0;
  pen.putImageData(shown, 0, 0);
  return differing / (width * height);
}

/** Fill `shown` with white, the redder the further the two are from each other; so many pixels differ. */
export function markDifference(
  before: Uint8ClampedArray,
  after: Uint8ClampedArray,
  shown: Uint8ClampedArray
): number {
  let differing = 0;
  shown.fill(255);
  for (let at = 0; at < shown.length; at += 4) {
    let far = 0;
    for (let part = at; part < at + 4; part++) {
      far = Math.max(far, Math.abs((before[part] ?? 0) - (after[part] ?? 0)));
    }
    if (far > 0) {
      differing++;
      shown[at + 1] = shown[at + 2] = 255 - far;
    }
  }
  return differing;
}
