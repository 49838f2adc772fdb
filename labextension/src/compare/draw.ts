/**
 * Many runs on a canvas: as points of two columns, or as lines across several.
 */
import { XY } from '../scale';
import { IAxis } from './axes';

/** Where the drawing lies, in CSS pixels. */
export interface IFrameOf {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The colours of the theme. */
export interface IInk {
  readonly line: string;
  readonly faint: string;
}

/** Each run's place on each axis, from 0 to 1, null where it has none: `places[axis][run]`. */
export type Places = readonly (readonly (number | null)[])[];

/** What is drawn of the runs. */
export interface IDrawn {
  readonly places: Places;
  /** Each run's place in the scale of colours; null draws all in one. */
  readonly shades: readonly (number | null)[] | null;
}

/** A part of an axis that is chosen, from 0 to 1. */
export type Brush = readonly [number, number] | null;

const SHADES = 12;
/** So many lines are drawn while the pointer drags: a frame must not wait for all. */
const SKETCHED = 1500;

/** A colour from blue over magenta to orange, and from dark to light, that stands out in both themes. */
export function shadeOf(share: number): string {
  return `hsl(${Math.round(235 + 165 * share) % 360} 75% ${Math.round(54 + 8 * share)}%)`;
}

/** The colours that the theme gives an element. */
export function inkOf(node: HTMLElement): IInk {
  const style = getComputedStyle(node);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    line: of('--jp-brand-color1'),
    faint: of('--jp-border-color2')
  };
}

/** A pen for a canvas that is as sharp as the screen. */
export function penOf(
  canvas: HTMLCanvasElement,
  width: number,
  height: number
): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext('2d');
  pen?.scale(ratio, ratio);
  return pen;
}

/** The places of columns on their axes. */
export function placesOf(
  axes: readonly IAxis[],
  columns: readonly (readonly unknown[])[]
): Places {
  return axes.map((axis, at) => (columns[at] ?? []).map(value => axis.at(value)));
}

/** Which runs lie within all brushes. */
export function chosen(places: Places, brushes: readonly Brush[]): readonly boolean[] {
  return (places[0] ?? []).map((_, run) =>
    brushes.every((brush, axis) => {
      const at = places[axis]?.[run];
      return !brush || (typeof at === 'number' && at >= brush[0] && at <= brush[1]);
    })
  );
}

/** Runs by their colour, those of the greatest values last, on top. */
export function inColours(
  runs: readonly number[],
  shades: IDrawn['shades'],
  ink: IInk
): readonly (readonly [string, readonly number[]])[] {
  if (!shades) {
    return [[ink.line, runs]];
  }
  const groups = Array.from({ length: SHADES + 1 }, (): number[] => []);
  for (const run of runs) {
    const shade = shades[run];
    const at = typeof shade === 'number' ? Math.round(shade * (SHADES - 1)) + 1 : 0;
    groups[at]?.push(run);
  }
  return groups.map((group, at) => [
    at === 0 ? ink.faint : shadeOf((at - 1) / (SHADES - 1)),
    group
  ]);
}

/** Points of two columns. */
export function drawScatter(
  pen: CanvasRenderingContext2D,
  frame: IFrameOf,
  { places, shades }: IDrawn,
  ink: IInk
): void {
  const [xs = [], ys = []] = places;
  const isMany = xs.length > 2000;
  const radius = isMany ? 2 : 3.5;
  pen.globalAlpha = isMany ? 0.4 : 0.8;
  for (const [colour, runs] of inColours([...xs.keys()], shades, ink)) {
    pen.fillStyle = colour;
    pen.beginPath();
    for (const run of runs) {
      const [x, y] = [xs[run], ys[run]];
      if (typeof x === 'number' && typeof y === 'number') {
        const [left, top] = spot(frame, x, y);
        pen.moveTo(left + radius, top);
        pen.arc(left, top, radius, 0, 2 * Math.PI);
      }
    }
    pen.fill();
  }
}

/** A line a run across all axes: those that are not chosen faint, below; of a sketch only some. */
export function drawParallel(
  pen: CanvasRenderingContext2D,
  frame: IFrameOf,
  { places, shades }: IDrawn,
  shown: readonly boolean[],
  ink: IInk,
  isSketch: boolean
): void {
  const every = isSketch ? Math.ceil(shown.length / SKETCHED) : 1;
  const runs = [...shown.keys()].filter(run => run % every === 0);
  const draw = (some: readonly number[], colour: string) => {
    pen.strokeStyle = colour;
    // one path of very many lines is slow to stroke: some at a time
    for (let from = 0; from < some.length; from += 200) {
      pen.beginPath();
      some.slice(from, from + 200).forEach(run => trace(pen, frame, places, run));
      pen.stroke();
    }
  };
  const bright = runs.filter(run => shown[run]);
  pen.lineWidth = 1;
  if (bright.length < runs.length) {
    pen.globalAlpha = 0.35;
    draw(
      runs.filter(run => !shown[run]),
      ink.faint
    );
  }
  pen.globalAlpha = Math.max(0.06, Math.min(0.8, 60 / Math.max(1, bright.length)));
  for (const [colour, group] of inColours(bright, shades, ink)) {
    draw(group, colour);
  }
}

/** The run whose point is nearest, if it is near enough. */
export function nearestPoint(
  frame: IFrameOf,
  [xs, ys]: Places,
  [left, top]: readonly [number, number],
  reach = 12
): number | null {
  let best = reach * reach;
  let found: number | null = null;
  xs?.forEach((x, run) => {
    const y = ys?.[run];
    if (typeof x === 'number' && typeof y === 'number') {
      const [a, b] = spot(frame, x, y);
      const far = (a - left) ** 2 + (b - top) ** 2;
      if (far < best) {
        [best, found] = [far, run];
      }
    }
  });
  return found;
}

/** The run whose line is nearest where the pointer is. */
export function nearestLine(
  frame: IFrameOf,
  places: Places,
  shown: readonly boolean[],
  [left, top]: readonly [number, number]
): number | null {
  const step = (frame.width - frame.left - frame.right) / Math.max(1, places.length - 1);
  const at = Math.max(
    0,
    Math.min(places.length - 2, Math.floor((left - frame.left) / step))
  );
  const share = (left - frame.left) / step - at;
  let best = 14;
  let found: number | null = null;
  shown.forEach((is, run) => {
    const [a, b] = [places[at]?.[run], places[at + 1]?.[run]];
    if (is && typeof a === 'number' && typeof b === 'number') {
      const far = Math.abs(spot(frame, 0, a + (b - a) * share)[1] - top);
      if (far < best) {
        [best, found] = [far, run];
      }
    }
  });
  return found;
}

/** From places in 0 to 1 to CSS pixels. */
export function spot(frame: IFrameOf, x: number, y: number): readonly [number, number] {
  return [
    frame.left + x * (frame.width - frame.left - frame.right),
    frame.height - frame.bottom - y * (frame.height - frame.top - frame.bottom)
  ];
}

/** Where the line of a run goes, in CSS pixels; NaN where it has no value. */
export function lineOf(frame: IFrameOf, places: Places, run: number): readonly XY[] {
  return places.map((axis, at) =>
    spot(frame, at / Math.max(1, places.length - 1), axis[run] ?? NaN)
  );
}

function trace(
  pen: CanvasRenderingContext2D,
  frame: IFrameOf,
  places: Places,
  run: number
): void {
  let isDown = false;
  for (const [x, y] of lineOf(frame, places, run)) {
    if (Number.isNaN(y)) {
      isDown = false;
    } else if (isDown) {
      pen.lineTo(x, y);
    } else {
      pen.moveTo(x, y);
      isDown = true;
    }
  }
}
