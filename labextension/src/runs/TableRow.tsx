import * as React from 'react';

import { StatusIcon } from '../components/StatusIcon';
import { ISpeech } from '../locale';
import { Cell, isNumeric } from './cells';
import { IGroup, IListedRun } from './shapes';

export const ROW_PX = 24;

/** The id in the page of a row: a group's key may hold anything. */
export function rowId(key: string): string {
  return `mlx-row-${encodeURIComponent(key)}`;
}

/** What a row tells of the mouse; `key` is a run's id or a group's key. */
export interface IRowActions {
  press(key: string, event: React.MouseEvent): void;
  open(id: string): void;
  toggle(key: string, open: boolean): void;
  star(id: string, starred: boolean): void;
}

interface IPlaceProps {
  index: number;
  level: number;
  open: boolean;
  active: boolean;
  picked: boolean;
  actions: IRowActions;
  speech: ISpeech;
}

export interface ITableRowProps extends IPlaceProps {
  run: IListedRun;
  columns: readonly string[];
  ago: string;
  elapsed: number | null;
}

/** One run; its id is `mlx-row-ID`. */
export const TableRow = React.memo(function TableRow(props: ITableRowProps) {
  const { run, columns, level, open, actions, speech } = props;
  const { trans } = speech;
  const star = run.starred ? trans.__('Remove the star') : trans.__('Star');
  const about = [run.name, run.notebook, run.tags.join(', '), run.note];
  return (
    <div
      {...place(props, run.children > 0)}
      id={rowId(run.id)}
      data-run={run.id}
      onMouseDown={event => actions.press(run.id, event)}
      onDoubleClick={() => actions.open(run.id)}
    >
      <div
        role="gridcell"
        className="mlx-Cell mlx-Cell-name"
        style={{ paddingLeft: indent(level) }}
        title={about.filter(Boolean).join('\n')}
      >
        <Twist
          shown={run.children > 0}
          open={open}
          onToggle={() => actions.toggle(run.id, !open)}
        />
        <StatusIcon status={run.status} trans={trans} />
        <span className="mlx-Row-name">{run.name}</span>
        {run.children > 0 && <span className="mlx-Count">{run.children}</span>}
        <span
          className={run.starred ? 'mlx-Star mlx-mod-on' : 'mlx-Star'}
          role="img"
          aria-label={run.starred ? trans.__('starred') : undefined}
          aria-hidden={!run.starred}
          title={star}
          onMouseDown={event => event.stopPropagation()}
          onClick={() => actions.star(run.id, !run.starred)}
        >
          {run.starred ? '★' : '☆'}
        </span>
      </div>
      {columns.map(column => (
        <div
          key={column}
          role="gridcell"
          className={cellClass(column)}
          data-column={column}
        >
          <Cell
            run={run}
            column={column}
            ago={props.ago}
            elapsed={props.elapsed}
            speech={speech}
          />
        </div>
      ))}
    </div>
  );
});

/** The head of a group, over the width of the table. */
export const GroupRow = React.memo(function GroupRow(
  props: IPlaceProps & { group: IGroup; rowKey: string }
) {
  const { group, rowKey, open, actions, speech } = props;
  const { trans, locale } = speech;
  const told = [
    group.running > 0 && trans.__('%1 running', group.running),
    group.failed > 0 && trans.__('%1 failed', group.failed)
  ].filter(Boolean);
  return (
    <div
      {...place(props, true)}
      id={rowId(rowKey)}
      onMouseDown={event => actions.press(rowKey, event)}
      onDoubleClick={() => actions.toggle(rowKey, !open)}
    >
      <div
        role="gridcell"
        className="mlx-Cell mlx-Cell-name mlx-Group"
        title={group.name}
      >
        <Twist shown open={open} onToggle={() => actions.toggle(rowKey, !open)} />
        <span className="mlx-Row-name">
          {group.key === null ? trans.__('none') : group.name}
        </span>
        <span className="mlx-Group-told">{told.join(', ')}</span>
        <span className="mlx-Count">{group.count.toLocaleString(locale)}</span>
      </div>
    </div>
  );
});

/** The place of a run that is on its way. */
export function WaitingRow({ index }: { index: number }): JSX.Element {
  return (
    <div className="mlx-Row" role="row" aria-busy="true" style={{ top: index * ROW_PX }}>
      <div role="gridcell" className="mlx-Cell mlx-Cell-name">
        <span className="mlx-Waiting" />
      </div>
    </div>
  );
}

function Twist(props: {
  shown: boolean;
  open: boolean;
  onToggle: () => void;
}): JSX.Element {
  return (
    <span
      className={props.open ? 'mlx-Twist mlx-mod-open' : 'mlx-Twist'}
      aria-hidden="true"
      onMouseDown={event => props.shown && event.stopPropagation()}
      onClick={() => props.shown && props.onToggle()}
    >
      {props.shown ? '▸' : ''}
    </span>
  );
}

function place(
  { index, level, open, active, picked }: IPlaceProps,
  parent: boolean
): React.HTMLAttributes<HTMLDivElement> {
  const marks = [active && 'mlx-mod-active', picked && 'mlx-mod-picked'];
  return {
    className: ['mlx-Row', ...marks].filter(Boolean).join(' '),
    role: 'row',
    'aria-level': level,
    'aria-expanded': parent ? open : undefined,
    'aria-selected': picked,
    // the head is the first
    'aria-rowindex': index + 2,
    style: { top: index * ROW_PX }
  };
}

function cellClass(column: string): string {
  return isNumeric(column) ? 'mlx-Cell mlx-mod-right' : 'mlx-Cell';
}

function indent(level: number): number {
  return 4 + 12 * (level - 1);
}
