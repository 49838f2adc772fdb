/**
 * Curves of metrics: what stands on each axis, smoothed or not.
 */
import { XY } from './scale';
import { Point, toNumber } from './wire';

/** How curves are looked at. */
export interface ICurveView {
  readonly x: 'step' | 'time';
  readonly log: boolean;
  /** From 0, not at all, to below 1. */
  readonly smoothing: number;
}

export const PLAIN: ICurveView = { x: 'step', log: false, smoothing: 0 };

/** Points as places: by step or by seconds; what a logarithm cannot show is left out. */
export function placed(points: readonly Point[], view: ICurveView): readonly XY[] {
  const places = points.map(([step, value, seconds]): XY => [
    view.x === 'step' ? step : seconds,
    toNumber(value)
  ]);
  // several processes may have logged: a line goes from left to right
  const inOrder = places.every(([x], at) => at === 0 || (places[at - 1]?.[0] ?? x) <= x);
  const sorted = inOrder ? places : [...places].sort((a, b) => a[0] - b[0]);
  const smooth = smoothed(sorted, view.smoothing);
  return view.log ? smooth.map(([x, y]): XY => [x, y > 0 ? Math.log10(y) : NaN]) : smooth;
}

/**
 * An exponential moving average that begins at the first value.
 *
 * Source: the debiased average of TensorBoard's curves.
 */
export function smoothed(points: readonly XY[], weight: number): readonly XY[] {
  if (weight <= 0) {
    return points;
  }
  let last = 0;
  let debt = 1;
  return points.map(([x, y]): XY => {
    if (!Number.isFinite(y)) {
      return [x, y];
    }
    last = last * weight + (1 - weight) * y;
    debt *= weight;
    return [x, last / (1 - debt)];
  });
}

/** The part of `points` from `low` to `high`, and one more on each side, so that the line goes on. */
export function within(points: readonly XY[], [low, high]: XY): readonly XY[] {
  const first = points.findIndex(([x]) => x >= low);
  if (first < 0) {
    return points.slice(-1);
  }
  let end = points.findIndex(([x]) => x > high);
  end = end < 0 ? points.length : end;
  return points.slice(Math.max(0, first - 1), end + 1);
}

/** The steps that lie between two places of an axis; null where none does. */
export function stepsBetween(
  points: readonly Point[],
  view: ICurveView,
  [low, high]: XY
): XY | null {
  const inside = points.filter(([step, , seconds]) => {
    const x = view.x === 'step' ? step : seconds;
    return x >= low && x <= high;
  });
  const steps = inside.map(([step]) => step);
  return steps.length > 0 ? [Math.min(...steps), Math.max(...steps)] : null;
}

/** `0.42`, `3.2`, `1:04`, `2:05:00`: seconds on an axis. */
export function clock(seconds: number): string {
  if (Math.abs(seconds) < 60) {
    return String(Number(seconds.toPrecision(3)));
  }
  const whole = Math.round(seconds);
  const two = (number: number) => String(number).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}
