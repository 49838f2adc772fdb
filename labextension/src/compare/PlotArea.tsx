import * as React from 'react';

import { useTheme, useWidth } from '../components/hooks';
import { shortName } from './axes';
import { IFrameOf, IInk, inkOf, penOf } from './draw';
import { valueText } from './table';
import { IColumns } from './wire';

interface IPlotAreaProps {
  height: number;
  label: string;
  columns: IColumns;
  /** What is told of the marked run. */
  fields: readonly string[];
  margins: Omit<IFrameOf, 'width' | 'height'>;
  /** What `draw` shows: another one is drawn anew. */
  drawn: unknown;
  draw: (pen: CanvasRenderingContext2D, frame: IFrameOf, ink: IInk) => void;
  /** The run at a place, in CSS pixels. */
  find: (frame: IFrameOf, at: readonly [number, number]) => number | null;
  /** The marked run: above the canvas, which need not be drawn again for it. */
  mark: (frame: IFrameOf, run: number) => React.ReactNode;
  onOpen: (id: string) => void;
  children: (frame: IFrameOf) => React.ReactNode;
}

/** A canvas with axes over it; the run under the pointer, or moved to by the arrow keys, is named and opens. */
export function PlotArea(props: IPlotAreaProps): JSX.Element {
  const { height, columns, fields, drawn, find, mark } = props;
  const box = React.useRef<HTMLDivElement>(null);
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const width = Math.max(200, useWidth(box));
  const theme = useTheme();
  const [marked, setMarked] = React.useState<number | null>(null);
  const frame: IFrameOf = { ...props.margins, width, height };
  const draw = React.useRef(() => {});
  draw.current = () => {
    const node = canvas.current;
    const pen = node && penOf(node, width, height);
    if (node && pen) {
      props.draw(pen, frame, inkOf(node));
    }
  };
  React.useEffect(() => draw.current(), [width, height, theme, drawn]);
  const open = () => {
    const id = marked === null ? undefined : columns.ids[marked];
    if (id) {
      props.onOpen(id);
    }
  };
  const onPointerMove = (event: React.PointerEvent<HTMLElement>) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    setMarked(find(frame, [event.clientX - left, event.clientY - top]));
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move) {
      event.preventDefault();
      const last = columns.ids.length - 1;
      setMarked(Math.max(0, Math.min(last, (marked ?? (move > 0 ? -1 : 1)) + move)));
    } else if (event.key === 'Enter') {
      open();
    }
  };
  return (
    <div ref={box} className="mlx-Plot">
      <div
        className="mlx-Plot-area"
        style={{ height }}
        role="img"
        tabIndex={0}
        aria-label={props.label}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setMarked(null)}
        onClick={open}
        onKeyDown={onKeyDown}
      >
        <canvas ref={canvas} style={{ width, height }} />
        <svg className="mlx-Plot-axes" width={width} height={height} aria-hidden="true">
          {props.children(frame)}
          {marked !== null && mark(frame, marked)}
        </svg>
      </div>
      <p className="mlx-Plot-told" aria-live="polite">
        {marked !== null &&
          [
            columns.names[marked],
            ...fields.map(
              field =>
                `${shortName(field)} ${valueText(columns.columns[field]?.[marked])}`
            )
          ].join(' · ')}
      </p>
    </div>
  );
}
