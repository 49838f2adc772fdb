import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { duration, quantity } from '../format';
import { IRun, toNumber } from '../wire';
import { StatusIcon } from './StatusIcon';

const LINE = 20;
const PADDING = 10;

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
  trans: TranslationBundle;
  onSelect: (id: string) => void;
  onOpen: (id: string) => void;
}

/** One run of the list; its id is `mlx-row-ID`. */
export const RunRow = React.memo(function RunRow(props: IRowProps): JSX.Element {
  const { run, parentName, active, trans } = props;
  const seconds = run.duration_s ?? props.elapsed;
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
          <span className="mlx-Row-kind">
            {run.kind}
            {parentName !== null && (
              <span title={trans.__('part of %1', parentName)}>{` ↳ ${parentName}`}</span>
            )}
          </span>
          {seconds !== null && (
            <span className="mlx-Row-duration">{duration(seconds)}</span>
          )}
          <Metrics run={run} />
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

/** As many of the first metrics as fit on the line; the others wrap out of sight. */
function Metrics(props: { run: IRun }): JSX.Element {
  return (
    <span className="mlx-Row-metrics">
      {Object.entries(props.run.metrics)
        .slice(0, 5)
        .map(([name, value]) => (
          <span key={name} className="mlx-Row-metric" title={`${name} = ${value}`}>
            <span className="mlx-Row-key">{name}</span> {quantity(toNumber(value), 3)}
          </span>
        ))}
    </span>
  );
}

function tooltip(run: IRun): string {
  return [run.name, run.notebook, run.note].filter(Boolean).join('\n');
}
