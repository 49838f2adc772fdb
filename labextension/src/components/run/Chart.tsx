import * as React from 'react';

import { clock, ICurveView, placed, PLAIN, within } from '../../curves';
import { quantity } from '../../format';
import { extent, linear, nearest, path, thinned, ticks, XY } from '../../scale';
import { ISpeech } from '../../locale';
import { Point } from '../../wire';
import { useWidth } from '../hooks';

const HEIGHT = 148;
const LEFT = 46;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 20;
const LEAST_DRAG_PX = 6;
/** The values of more lines are scrolled. */
const MOST_IN_SIGHT = 10;

/** One line of a chart. */
export interface ILine {
  readonly id: string;
  readonly label: string;
  readonly points: readonly Point[];
  /** A colour of the theme; without it, the accent. */
  readonly colour?: string;
}

interface IChartProps {
  name: string;
  lines: readonly ILine[];
  speech: ISpeech;
  view?: ICurveView;
  /** A part of the x axis was chosen, or, with null, all of it again. */
  onZoom?: (range: XY | null) => void;
  format?: (value: number) => string;
}

/** Metrics over their steps or over time, with the points under the pointer or the arrow keys. */
export function Chart(props: IChartProps): JSX.Element {
  const { name, lines, view = PLAIN, format = quantity } = props;
  const { trans } = props.speech;
  const box = React.useRef<HTMLDivElement>(null);
  const width = Math.max(160, useWidth(box));
  const [zoom, setZoom] = React.useState<XY | null>(null);
  const data = React.useMemo(
    () => lines.map(line => placed(line.points, view)),
    [lines, view]
  );
  const plot = React.useMemo(
    () => layOut(data, width, zoom, view),
    [data, width, zoom, view]
  );
  const pointer = usePointer(plot, data, range => {
    setZoom(range);
    props.onZoom?.(range);
  });
  // another axis has another range
  React.useEffect(() => setZoom(null), [view.x]);
  const marks = data.map(points => points[pointer.indexIn(points)]);
  const raw = (value: number) => (view.log ? 10 ** value : value);
  const first = marks[0] ?? [0, NaN];
  return (
    <figure className="mlx-Chart">
      <figcaption className="mlx-Chart-caption">
        <span className="mlx-Chart-name" title={name}>
          {name}
        </span>
        <span className="mlx-Chart-value">
          {lines.length === 1 && format(raw(first[1]))}
          <span className="mlx-Chart-step">
            {view.x === 'step'
              ? trans.__('step %1', first[0])
              : trans.__('%1 s', clock(first[0]))}
          </span>
          {zoom && (
            <button type="button" className="mlx-Link" onClick={() => pointer.reset()}>
              {trans.__('Show all')}
            </button>
          )}
        </span>
      </figcaption>
      <div ref={box}>
        <svg
          className="mlx-Chart-plot"
          width={width}
          height={HEIGHT}
          role="img"
          tabIndex={0}
          aria-label={spoken(props, data, view, format)}
          {...pointer.handlers}
        >
          <Axes plot={plot} width={width} view={view} format={format} />
          <clipPath id={plot.clip}>
            <rect x={LEFT - 5} y={0} width={width - LEFT - RIGHT + 10} height={HEIGHT} />
          </clipPath>
          <g clipPath={`url(#${plot.clip})`}>
            {plot.lines.map((line, at) => (
              <path
                key={lines[at]?.id}
                d={line}
                className="mlx-Chart-line"
                style={{ stroke: lines[at]?.colour }}
              />
            ))}
            {pointer.isMarked && (
              <line
                x1={plot.x(first[0])}
                x2={plot.x(first[0])}
                y1={TOP}
                y2={HEIGHT - BOTTOM}
                className="mlx-Chart-cursor"
              />
            )}
            {(lines.length === 1 || pointer.isMarked) &&
              marks.map(
                (mark, at) =>
                  mark &&
                  Number.isFinite(mark[1]) && (
                    <circle
                      key={lines[at]?.id}
                      cx={plot.x(mark[0])}
                      cy={plot.y(mark[1])}
                      r={3.5}
                      className="mlx-Chart-point"
                      style={{ fill: lines[at]?.colour }}
                    />
                  )
              )}
            {pointer.drag && (
              <rect
                x={Math.min(...pointer.drag)}
                y={TOP}
                width={Math.abs(pointer.drag[1] - pointer.drag[0])}
                height={HEIGHT - BOTTOM - TOP}
                className="mlx-Chart-chosen"
              />
            )}
          </g>
        </svg>
      </div>
      {lines.length > 1 && (
        <ul className="mlx-Chart-values" tabIndex={lines.length > MOST_IN_SIGHT ? 0 : -1}>
          {lines.map((line, at) => (
            <li key={line.id}>
              <i className="mlx-Swatch" style={{ background: line.colour }} />
              <span>{line.label}</span>
              <b>{format(raw(marks[at]?.[1] ?? NaN))}</b>
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

function spoken(
  { name, lines, speech }: IChartProps,
  data: readonly (readonly XY[])[],
  view: ICurveView,
  format: (value: number) => string
): string {
  const values = data.flatMap(points => points.map(point => point[1]));
  const [low, high] = extent(values).map(value => (view.log ? 10 ** value : value));
  if (lines.length > 1) {
    return speech.trans.__(
      '%1 of %2 runs, from %3 to %4',
      name,
      lines.length,
      format(low ?? NaN),
      format(high ?? NaN)
    );
  }
  return speech.trans.__(
    '%1 over %2 steps, from %3 to %4, last %5',
    name,
    values.length,
    format(low ?? NaN),
    format(high ?? NaN),
    format(view.log ? 10 ** (values.at(-1) ?? NaN) : (values.at(-1) ?? NaN))
  );
}

interface IPlot {
  readonly x: (place: number) => number;
  readonly y: (value: number) => number;
  readonly placeAt: (x: number) => number;
  readonly lines: readonly string[];
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  readonly clip: string;
}

let plots = 0;

function layOut(
  data: readonly (readonly XY[])[],
  width: number,
  zoom: XY | null,
  view: ICurveView
): IPlot {
  const shown = zoom ? data.map(points => within(points, zoom)) : data;
  const across = zoom ?? extent(shown.flatMap(points => points.map(point => point[0])));
  const values = extent(shown.flatMap(points => points.map(point => point[1])));
  const x = linear(across, [LEFT, width - RIGHT]);
  const y = linear(values, [HEIGHT - BOTTOM, TOP]);
  const xs = ticks(across, width / 60);
  return {
    x,
    y,
    placeAt: linear([LEFT, width - RIGHT], across),
    lines: shown.map(points =>
      path(
        thinned(points, Math.ceil(width)).map(([place, value]): XY => [
          x(place),
          y(value)
        ])
      )
    ),
    xs: view.x === 'step' ? xs.filter(Number.isInteger) : xs,
    ys: ticks(values, 4),
    clip: `mlx-clip-${++plots}`
  };
}

function Axes(props: {
  plot: IPlot;
  width: number;
  view: ICurveView;
  format: (value: number) => string;
}): JSX.Element {
  const { plot, width, view, format } = props;
  const text = (value: number) =>
    format === quantity
      ? quantity(view.log ? 10 ** value : value, 3)
      : format(view.log ? 10 ** value : value);
  return (
    <g className="mlx-Chart-axes" aria-hidden="true">
      {plot.ys.map(value => (
        <React.Fragment key={value}>
          <line x1={LEFT} x2={width - RIGHT} y1={plot.y(value)} y2={plot.y(value)} />
          <text x={LEFT - 6} y={plot.y(value)} dy="0.32em" textAnchor="end">
            {text(value)}
          </text>
        </React.Fragment>
      ))}
      {plot.xs.map(place => (
        <text key={place} x={plot.x(place)} y={HEIGHT - 5} textAnchor="middle">
          {view.x === 'step' ? place : clock(place)}
        </text>
      ))}
    </g>
  );
}

interface IPointer {
  readonly isMarked: boolean;
  readonly drag: XY | null;
  readonly indexIn: (points: readonly XY[]) => number;
  readonly reset: () => void;
  readonly handlers: React.SVGProps<SVGSVGElement>;
}

/** The marked place: under the pointer, or moved by the arrow keys; and a part that is dragged over. */
function usePointer(
  plot: IPlot,
  data: readonly (readonly XY[])[],
  zoomTo: (range: XY | null) => void
): IPointer {
  const [marked, setMarked] = React.useState<number | null>(null);
  const [drag, setDrag] = React.useState<XY | null>(null);
  const longest = data.reduce((a, b) => (b.length > a.length ? b : a), data[0] ?? []);
  const xOf = (event: React.PointerEvent<SVGSVGElement>) =>
    event.clientX - event.currentTarget.getBoundingClientRect().left;
  const onPointerMove = (event: React.PointerEvent<SVGSVGElement>) => {
    const x = xOf(event);
    setMarked(longest[nearest(longest, plot.placeAt(x))]?.[0] ?? null);
    setDrag(drag && [drag[0], x]);
  };
  const onPointerUp = () => {
    if (drag && Math.abs(drag[1] - drag[0]) > LEAST_DRAG_PX) {
      const ends = drag.map(plot.placeAt);
      zoomTo([Math.min(...ends), Math.max(...ends)]);
    }
    setDrag(null);
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const last = longest.length - 1;
    const at = marked === null ? last : nearest(longest, marked);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      setMarked(longest[Math.max(0, Math.min(last, to))]?.[0] ?? null);
    } else if (event.key === '+' && longest.length > 1) {
      const middle = marked ?? longest[last]?.[0] ?? 0;
      const [low, high] = [plot.placeAt(LEFT), plot.placeAt(LEFT + 2 * LEFT)];
      zoomTo([middle - (high - low) / 2, middle + (high - low) / 2]);
    } else if (event.key === '0' || event.key === '-') {
      zoomTo(null);
    }
  };
  return {
    isMarked: marked !== null,
    drag,
    indexIn: points => (marked === null ? points.length - 1 : nearest(points, marked)),
    reset: () => zoomTo(null),
    handlers: {
      onPointerMove,
      onPointerUp,
      onPointerDown: event => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag([xOf(event), xOf(event)]);
      },
      onPointerLeave: () => setMarked(null),
      onDoubleClick: () => zoomTo(null),
      onBlur: () => setMarked(null),
      onKeyDown
    }
  };
}
