import * as React from 'react';

import { ISpeech } from '../locale';
import { path } from '../scale';
import { axisOf, IAxis, shortName } from './axes';
import {
  Brush,
  chosen,
  drawParallel,
  drawScatter,
  IFrameOf,
  lineOf,
  nearestLine,
  nearestPoint,
  placesOf,
  spot
} from './draw';
import { PlotArea } from './PlotArea';
import { IColumns } from './wire';

interface IPlotProps {
  columns: IColumns;
  /** The column that gives the colours; empty for none. */
  shade: string;
  speech: ISpeech;
  onOpen: (id: string) => void;
}

/** Two columns against each other, a point a run. */
export function Scatter(props: IPlotProps & { x: string; y: string }): JSX.Element {
  const { columns, x, y, shade, speech, onOpen } = props;
  const { axes, places, shades } = usePlaces(columns, [x, y], shade);
  const drawn = React.useMemo(() => ({ places, shades }), [places, shades]);
  return (
    <PlotArea
      height={320}
      label={speech.trans.__(
        '%1 against %2, %3 runs',
        shortName(y),
        shortName(x),
        columns.ids.length
      )}
      columns={columns}
      fields={[...new Set([x, y, shade])].filter(Boolean)}
      margins={{ left: 56, right: 16, top: 12, bottom: 36 }}
      drawn={drawn}
      draw={(pen, frame, ink) => drawScatter(pen, frame, drawn, ink)}
      find={(frame, at) => nearestPoint(frame, places, at)}
      mark={(frame, run) => {
        const [across, up] = [places[0]?.[run], places[1]?.[run]];
        if (typeof across !== 'number' || typeof up !== 'number') {
          return null;
        }
        const [cx, cy] = spot(frame, across, up);
        return <circle cx={cx} cy={cy} r={5} className="mlx-Plot-marked" />;
      }}
      onOpen={onOpen}
    >
      {frame => <ScatterAxes frame={frame} axes={axes} title={shortName(x)} />}
    </PlotArea>
  );
}

function ScatterAxes(props: {
  frame: IFrameOf;
  axes: readonly IAxis[];
  title: string;
}): JSX.Element {
  const { frame, axes, title } = props;
  const [xAxis, yAxis] = axes;
  return (
    <>
      {xAxis?.marks.map(mark => (
        <text
          key={`x${mark.text}`}
          x={spot(frame, mark.at, 0)[0]}
          y={frame.height - 20}
          textAnchor="middle"
        >
          {mark.text}
        </text>
      ))}
      {yAxis?.marks.map(mark => (
        <React.Fragment key={`y${mark.text}`}>
          <line
            x1={frame.left}
            x2={frame.width - frame.right}
            y1={spot(frame, 0, mark.at)[1]}
            y2={spot(frame, 0, mark.at)[1]}
          />
          <text
            x={frame.left - 6}
            y={spot(frame, 0, mark.at)[1]}
            dy="0.32em"
            textAnchor="end"
          >
            {mark.text}
          </text>
        </React.Fragment>
      ))}
      <text x={frame.width - frame.right} y={frame.height - 4} textAnchor="end">
        {title}
      </text>
    </>
  );
}

/** Several columns beside each other, a line a run; a part of an axis is chosen by dragging along it. */
export function Parallel(props: IPlotProps & { fields: readonly string[] }): JSX.Element {
  const { columns, fields, shade, speech, onOpen } = props;
  const { trans } = speech;
  const { axes, places, shades } = usePlaces(columns, fields, shade);
  const [brushes, setBrushes] = React.useState<Readonly<Record<string, Brush>>>({});
  const [isDragged, setDragged] = React.useState(false);
  const shown = React.useMemo(
    () =>
      chosen(
        places,
        fields.map(field => brushes[field] ?? null)
      ),
    [places, brushes, fields]
  );
  const drawn = React.useMemo(
    () => ({ places, shades, shown, isDragged }),
    [places, shades, shown, isDragged]
  );
  const count = shown.filter(Boolean).length;
  return (
    <>
      <PlotArea
        height={320}
        label={trans.__('%1 runs across %2 columns', columns.ids.length, fields.length)}
        columns={columns}
        fields={fields}
        margins={{ left: 48, right: 48, top: 28, bottom: 12 }}
        drawn={drawn}
        draw={(pen, frame, ink) => drawParallel(pen, frame, drawn, shown, ink, isDragged)}
        find={(frame, at) => nearestLine(frame, places, shown, at)}
        mark={(frame, run) => (
          <path d={path(lineOf(frame, places, run))} className="mlx-Plot-marked" />
        )}
        onOpen={onOpen}
      >
        {frame =>
          axes.map((axis, at) => (
            <ParallelAxis
              key={axis.name}
              axis={axis}
              frame={frame}
              x={spot(frame, at / Math.max(1, axes.length - 1), 0)[0]}
              brush={brushes[axis.name] ?? null}
              onBrush={brush => setBrushes({ ...brushes, [axis.name]: brush })}
              onDrag={setDragged}
            />
          ))
        }
      </PlotArea>
      <p className="mlx-Section-aside" role="status">
        {count < columns.ids.length &&
          trans.__('%1 of %2 runs lie within', count, columns.ids.length)}
      </p>
    </>
  );
}

function ParallelAxis(props: {
  axis: IAxis;
  frame: IFrameOf;
  x: number;
  brush: Brush;
  onBrush: (brush: Brush) => void;
  onDrag: (isDragged: boolean) => void;
}): JSX.Element {
  const { axis, frame, x, brush, onBrush, onDrag } = props;
  const [start, setStart] = React.useState<number | null>(null);
  const placeOf = (event: React.PointerEvent<SVGRectElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return 1 - (event.clientY - box.top) / box.height;
  };
  const [, top] = spot(frame, 0, 1);
  const [, bottom] = spot(frame, 0, 0);
  return (
    <g>
      <line x1={x} x2={x} y1={top} y2={bottom} className="mlx-Axis" />
      <text x={x} y={14} textAnchor="middle" className="mlx-Axis-name">
        {shortName(axis.name).slice(0, 16)}
      </text>
      {axis.marks.map(mark => (
        <text
          key={mark.text}
          x={x - 5}
          y={spot(frame, 0, mark.at)[1]}
          dy="0.32em"
          textAnchor="end"
        >
          {mark.text.slice(0, 10)}
        </text>
      ))}
      {brush && (
        <rect
          x={x - 6}
          width={12}
          y={spot(frame, 0, brush[1])[1]}
          height={spot(frame, 0, brush[0])[1] - spot(frame, 0, brush[1])[1]}
          className="mlx-Chart-chosen"
        />
      )}
      <rect
        x={x - 10}
        width={20}
        y={top}
        height={bottom - top}
        className="mlx-Axis-grip"
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setStart(placeOf(event));
          onDrag(true);
        }}
        onClick={event => event.stopPropagation()}
        onPointerMove={event => {
          if (start !== null) {
            const now = placeOf(event);
            onBrush([Math.min(start, now), Math.max(start, now)]);
          }
        }}
        onPointerUp={event => {
          if (start !== null && Math.abs(placeOf(event) - start) < 0.02) {
            onBrush(null);
          }
          setStart(null);
          onDrag(false);
        }}
      />
    </g>
  );
}

/** The axes of some columns and where each run lies on them; and where in the scale of colours. */
function usePlaces(columns: IColumns, fields: readonly string[], shade: string) {
  const key = fields.join('\n');
  const found = React.useMemo(() => {
    const values = key.split('\n').map(field => columns.columns[field] ?? []);
    const axes = key.split('\n').map((field, at) => axisOf(field, values[at] ?? []));
    return { axes, places: placesOf(axes, values) };
  }, [columns, key]);
  const shades = React.useMemo(() => {
    const values = columns.columns[shade];
    return values ? (placesOf([axisOf(shade, values)], [values])[0] ?? null) : null;
  }, [columns, shade]);
  return { ...found, shades };
}
