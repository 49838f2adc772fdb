/**
 * From values to places in a picture, and the round numbers beside it.
 */

export type XY = readonly [number, number];

/** The least and the greatest of `values` that are finite; a little around where they are equal. */
export function extent(values: readonly number[]): XY {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (Number.isFinite(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) {
    return [0, 1];
  }
  if (low === high) {
    const around = Math.abs(low) * 0.05 || 0.5;
    return [low - around, high + around];
  }
  return [low, high];
}

/** Round numbers within `[low, high]`, about `count` of them. */
export function ticks([low, high]: XY, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const ratio = rough / power;
  // the geometric means of 1, 2, 5 and 10: the nearest of them is taken
  const step = power * (ratio > 7.07 ? 10 : ratio > 3.16 ? 5 : ratio > 1.41 ? 2 : 1);
  const found: number[] = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) {
    // one multiplication, so that 0.3 is not 0.30000000000000004
    found.push(Number((n * step).toPrecision(12)));
  }
  return found;
}

/** `[from, to]` laid onto `[start, end]`. */
export function linear([from, to]: XY, [start, end]: XY): (value: number) => number {
  const factor = (end - start) / (to - from || 1);
  return value => start + (value - from) * factor;
}

/**
 * At most about `2 * buckets` of `points`, the least and the greatest of each
 * bucket, in their order: a line through them covers the same pixels.
 */
export function thinned(points: readonly XY[], buckets: number): readonly XY[] {
  if (points.length <= 2 * buckets) {
    return points;
  }
  const size = points.length / buckets;
  const kept: XY[] = [];
  for (let b = 0; b < buckets; b++) {
    const bucket = points.slice(Math.floor(b * size), Math.floor((b + 1) * size));
    let low = bucket[0];
    let high = bucket[0];
    for (const point of bucket) {
      low = low && point[1] < low[1] ? point : low;
      high = high && point[1] > high[1] ? point : high;
    }
    if (low && high) {
      kept.push(...(low === high ? [low] : low[0] < high[0] ? [low, high] : [high, low]));
    }
  }
  return kept;
}

/** An SVG path through `points`, broken where a value is not finite. */
export function path(points: readonly XY[]): string {
  let pen = 'M';
  let text = '';
  for (const [x, y] of points) {
    if (Number.isFinite(y)) {
      text += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = 'L';
    } else {
      pen = 'M';
    }
  }
  return text;
}

/** The index of the point that is nearest to `x`; points are in order of x. */
export function nearest(points: readonly XY[], x: number): number {
  let low = 0;
  let high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.[0] ?? 0) < x) {
      low = middle;
    } else {
      high = middle;
    }
  }
  const left = Math.abs((points[low]?.[0] ?? 0) - x);
  const right = Math.abs((points[high]?.[0] ?? 0) - x);
  return left <= right ? low : high;
}
