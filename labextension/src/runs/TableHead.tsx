import * as React from 'react';

import { ISpeech } from '../locale';
import { columnTitle, isNumeric } from './cells';
import { LEAST_PX, moved, nextSort, sortField, widthOf } from './look';
import { RunsModel } from './model';

/** The heads of the columns: sort by a click, drag the edge to resize, the head to move it. */
export function TableHead(props: {
  model: RunsModel;
  columns: readonly string[];
  speech: ISpeech;
}): JSX.Element {
  const { model, columns, speech } = props;
  return (
    <div className="mlx-Head" role="row" aria-rowindex={1}>
      {['name', ...columns].map((column, i) => (
        <Head
          key={column}
          model={model}
          columns={columns}
          column={column}
          first={i === 0}
          speech={speech}
        />
      ))}
    </div>
  );
}

const DRAGGED = 'application/x-mlx-column';

function Head(props: {
  model: RunsModel;
  columns: readonly string[];
  column: string;
  first: boolean;
  speech: ISpeech;
}): JSX.Element {
  const { model, columns, column, first, speech } = props;
  const { look } = model;
  const { trans } = speech;
  const field = first ? 'name' : sortField(column);
  const order = !field
    ? 'none'
    : look.sort === field
      ? 'ascending'
      : look.sort === `-${field}`
        ? 'descending'
        : 'none';
  const title = column === 'spark' ? look.spark : columnTitle(column, speech);
  const move = (step: number) =>
    model.setLook({
      columns: moved(columns, column, step).filter(each => each !== 'spark')
    });
  const resize = (px: number) =>
    model.setLook({ widths: { ...look.widths, [column]: Math.max(LEAST_PX, px) } });
  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey && !first) {
      void resize(widthOf(column, look) + 8 * step);
    } else if (event.altKey && !first) {
      void move(step);
    } else {
      neighbour(event.currentTarget, step)?.focus();
    }
  };
  const onDrop = (event: React.DragEvent) => {
    const from = event.dataTransfer.getData(DRAGGED);
    if (from && from !== column && !first) {
      event.preventDefault();
      const step = columns.indexOf(column) - columns.indexOf(from);
      void model.setLook({
        columns: moved(columns, from, step).filter(each => each !== 'spark')
      });
    }
  };
  return (
    <div
      role="columnheader"
      aria-sort={field ? order : undefined}
      className={isNumeric(column) ? 'mlx-HeadCell mlx-mod-right' : 'mlx-HeadCell'}
      onDragOver={event => event.preventDefault()}
      onDrop={onDrop}
    >
      <button
        type="button"
        className="mlx-HeadCell-button"
        tabIndex={first ? 0 : -1}
        title={field ? trans.__('Sort by %1', title) : title}
        draggable={!first && column !== 'spark'}
        onDragStart={event => event.dataTransfer.setData(DRAGGED, column)}
        onClick={() => field && void model.setLook({ sort: nextSort(field, look.sort) })}
        onKeyDown={onKeyDown}
      >
        <span className="mlx-HeadCell-title">{title}</span>
        {order !== 'none' && (
          <span aria-hidden="true">{order === 'ascending' ? '▲' : '▼'}</span>
        )}
      </button>
      {!first && (
        <span
          className="mlx-HeadCell-edge"
          aria-hidden="true"
          onPointerDown={event => drag(event, widthOf(column, look), resize)}
        />
      )}
    </div>
  );
}

/** The button of the head beside this one. */
function neighbour(button: HTMLElement, step: number): HTMLElement | null | undefined {
  const cell = button.parentElement;
  const next = step > 0 ? cell?.nextElementSibling : cell?.previousElementSibling;
  return next?.querySelector<HTMLElement>('button');
}

/** Follow the pointer: columns stand at the right, so their left edge is the one that is dragged. */
function drag(
  event: React.PointerEvent<HTMLElement>,
  width: number,
  resize: (px: number) => Promise<void>
): void {
  event.preventDefault();
  const edge = event.currentTarget;
  const start = event.clientX;
  edge.setPointerCapture(event.pointerId);
  const move = (event: PointerEvent) => void resize(width + start - event.clientX);
  edge.addEventListener('pointermove', move);
  edge.addEventListener(
    'pointerup',
    () => edge.removeEventListener('pointermove', move),
    { once: true }
  );
}
