import * as React from 'react';

import { quantity } from '../../format';
import { extent, linear, nearest, path, thinned, ticks, XY } from '../../scale';
import { ISpeech } from '../../locale';
import { Point, toNumber } from '../../wire';
import { useWidth } from '../hooks';

const HEIGHT = 148;
const LEFT = 46;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 20;

/** A metric over its steps: a line, and the point under the pointer or the arrow keys. */
export function Chart(props: {
  name: string;
  points: readonly Point[];
  speech: ISpeech;
}): JSX.Element {
  const { name, points } = props;
  const { trans } = props.speech;
  const box = React.useRef<HTMLDivElement>(null);
  const width = Math.max(160, useWidth(box));
  const data = React.useMemo(
    () => points.map(([step, value]): XY => [step, toNumber(value)]),
    [points]
  );
  const plot = React.useMemo(() => layOut(data, width), [data, width]);
  const [marked, setMarked] = React.useState<number | null>(null);
  const at = marked ?? data.length - 1;
  const mark = data[at] ?? [0, NaN];

  const onMove = (event: React.PointerEvent<SVGSVGElement>) => {
    const left = event.currentTarget.getBoundingClientRect().left;
    setMarked(nearest(data, plot.stepAt(event.clientX - left)));
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[
      event.key
    ];
    if (move !== undefined) {
      event.preventDefault();
      setMarked(Math.max(0, Math.min(data.length - 1, at + move)));
    }
  };
  const [low, high] = extent(data.map(point => point[1]));
  return (
    <figure className="mlx-Chart">
      <figcaption className="mlx-Chart-caption">
        <span className="mlx-Chart-name" title={name}>
          {name}
        </span>
        <span className="mlx-Chart-value">
          {quantity(mark[1])}
          <span className="mlx-Chart-step">{trans.__('step %1', mark[0])}</span>
        </span>
      </figcaption>
      <div ref={box}>
        <svg
          className="mlx-Chart-plot"
          width={width}
          height={HEIGHT}
          role="img"
          tabIndex={0}
          aria-label={trans.__(
            '%1 over %2 steps, from %3 to %4, last %5',
            name,
            data.length,
            quantity(low),
            quantity(high),
            quantity(data[data.length - 1]?.[1] ?? NaN)
          )}
          onPointerMove={onMove}
          onPointerLeave={() => setMarked(null)}
          onBlur={() => setMarked(null)}
          onKeyDown={onKeyDown}
        >
          <Axes plot={plot} width={width} />
          <path d={plot.line} className="mlx-Chart-line" />
          {Number.isFinite(mark[1]) && (
            <>
              {marked !== null && (
                <line
                  x1={plot.x(mark[0])}
                  x2={plot.x(mark[0])}
                  y1={TOP}
                  y2={HEIGHT - BOTTOM}
                  className="mlx-Chart-cursor"
                />
              )}
              <circle
                cx={plot.x(mark[0])}
                cy={plot.y(mark[1])}
                r={3.5}
                className="mlx-Chart-point"
              />
            </>
          )}
        </svg>
      </div>
    </figure>
  );
}

interface IPlot {
  readonly x: (step: number) => number;
  readonly y: (value: number) => number;
  readonly stepAt: (x: number) => number;
  readonly line: string;
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

function layOut(data: readonly XY[], width: number): IPlot {
  const steps = extent(data.map(point => point[0]));
  const values = extent(data.map(point => point[1]));
  const x = linear(steps, [LEFT, width - RIGHT]);
  const y = linear(values, [HEIGHT - BOTTOM, TOP]);
  const drawn = thinned(data, Math.ceil(width)).map(([step, value]): XY => [
    x(step),
    y(value)
  ]);
  return {
    x,
    y,
    stepAt: linear([LEFT, width - RIGHT], steps),
    line: path(drawn),
    steps: ticks(steps, width / 60).filter(Number.isInteger),
    values: ticks(values, 4)
  };
}

function Axes({ plot, width }: { plot: IPlot; width: number }): JSX.Element {
  return (
    <g className="mlx-Chart-axes" aria-hidden="true">
      {plot.values.map(value => (
        <React.Fragment key={value}>
          <line x1={LEFT} x2={width - RIGHT} y1={plot.y(value)} y2={plot.y(value)} />
          <text x={LEFT - 6} y={plot.y(value)} dy="0.32em" textAnchor="end">
            {quantity(value, 3)}
          </text>
        </React.Fragment>
      ))}
      {plot.steps.map(step => (
        <text key={step} x={plot.x(step)} y={HEIGHT - 5} textAnchor="middle">
          {step}
        </text>
      ))}
    </g>
  );
}
