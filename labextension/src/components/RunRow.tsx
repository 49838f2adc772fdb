import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { duration, quantity } from '../format';
import { fitting } from '../rows';
import { IRun, toNumber } from '../wire';
import { StatusIcon } from './StatusIcon';

const LINE = 20;
const PADDING = 10;
const GAP = 2;

/** How high a row is, known without drawing it: a list of thousands is laid out by sums. */
export function rowHeight(run: IRun): number {
  return PADDING + LINE * (run.tags.length > 0 ? 3 : 2);
}

export interface IRowProps {
  run: IRun;
  parentName: string | null;
  index: number;
  count: number;
  top: number;
  active: boolean;
  /** When it began: relative, and exact. */
  ago: string;
  moment: string;
  /** Seconds until now, for one that is running. */
  elapsed: number | null;
  /** About how many small characters a line holds. */
  room: number;
  trans: TranslationBundle;
  onSelect: (id: string) => void;
  onOpen: (id: string) => void;
}

/** One run of the list; its id is `mlx-row-ID`. */
export const RunRow = React.memo(function RunRow(props: IRowProps): JSX.Element {
  const { run, parentName, active, trans } = props;
  const seconds = run.duration_s ?? props.elapsed;
  const took = seconds === null ? '' : duration(seconds);
  const kind = parentName === null ? run.kind : `${run.kind} ↳ ${parentName}`;
  const part = parentName === null ? undefined : trans.__('part of %1', parentName);
  return (
    <div
      id={`mlx-row-${run.id}`}
      className={active ? 'mlx-Row mlx-mod-active' : 'mlx-Row'}
      role="option"
      aria-selected={active}
      aria-posinset={props.index + 1}
      aria-setsize={props.count}
      data-run={run.id}
      style={{ top: props.top, height: rowHeight(run) }}
      onMouseDown={() => props.onSelect(run.id)}
      onClick={() => props.onOpen(run.id)}
    >
      <StatusIcon status={run.status} trans={trans} />
      <div className="mlx-Row-lines">
        <div className="mlx-Row-line">
          <span className="mlx-Row-name" title={tooltip(run)}>
            {run.name}
          </span>
          {run.starred && (
            <span className="mlx-Row-star" role="img" aria-label={trans.__('starred')}>
              ★
            </span>
          )}
          <time className="mlx-Row-time" dateTime={run.started_at} title={props.moment}>
            {props.ago}
          </time>
        </div>
        <div className="mlx-Row-line mlx-mod-small">
          <span className="mlx-Row-kind" title={part}>
            {kind}
          </span>
          {took && <span className="mlx-Row-duration">{took}</span>}
          <Metrics run={run} room={props.room - kind.length - took.length - 2 * GAP} />
        </div>
        {run.tags.length > 0 && (
          <div className="mlx-Row-line mlx-mod-small mlx-Row-tags">
            {run.tags.map(tag => (
              <span key={tag} className="mlx-Tag" title={tag}>
                {tag}
              </span>
            ))}
          </div>
        )}
      </div>
    </div>
  );
});

/** As many of the first metrics as fit on the line. */
function Metrics(props: { run: IRun; room: number }): JSX.Element {
  const told = Object.entries(props.run.metrics)
    .slice(0, 12)
    .map(([name, value]) => [name, quantity(toNumber(value), 3)] as const);
  const lengths = told.map(([name, value]) => name.length + 1 + value.length);
  return (
    <span className="mlx-Row-metrics">
      {told.slice(0, fitting(lengths, props.room, GAP)).map(([name, value]) => (
        <span
          key={name}
          className="mlx-Row-metric"
          title={`${name} = ${props.run.metrics[name]}`}
        >
          <span className="mlx-Row-key">{name}</span> {value}
        </span>
      ))}
    </span>
  );
}

function tooltip(run: IRun): string {
  return [run.name, run.notebook, run.note].filter(Boolean).join('\n');
}
