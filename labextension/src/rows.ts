/**
 * Which rows of a long list are to be drawn: pure arithmetic over row heights.
 */

/** Where each row begins, and at the end where the last one ends. */
export function offsets(heights: readonly number[]): Float64Array {
  const starts = new Float64Array(heights.length + 1);
  heights.forEach((height, i) => {
    starts[i + 1] = (starts[i] ?? 0) + height;
  });
  return starts;
}

/** The index of the row that covers `y`; the first or last where `y` is outside. */
export function rowAt(starts: Float64Array, y: number): number {
  let low = 0;
  let high = Math.max(0, starts.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= y) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

/** The rows `[first, end)` that show between `top` and `top + height`, and some around. */
export function shown(
  starts: Float64Array,
  top: number,
  height: number,
  around: number
): readonly [number, number] {
  const rows = starts.length - 1;
  if (rows < 1) {
    return [0, 0];
  }
  const first = rowAt(starts, top);
  const last = rowAt(starts, top + height);
  return [Math.max(0, first - around), Math.min(rows, last + 1 + around)];
}

/** The least change of `top` that shows row `at` whole. */
export function reveal(
  starts: Float64Array,
  at: number,
  top: number,
  height: number
): number {
  const start = starts[at] ?? 0;
  const end = starts[at + 1] ?? start;
  if (start < top) {
    return start;
  }
  return end > top + height ? end - height : top;
}

/**
 * How many of the first texts, of these lengths, stand beside each other in
 * `room` characters with `gap` between them; the first always, cut off if need be.
 */
export function fitting(lengths: readonly number[], room: number, gap: number): number {
  let left = room + gap;
  const over = lengths.findIndex(length => (left -= length + gap) < 0);
  return over < 0 ? lengths.length : Math.max(1, over);
}
