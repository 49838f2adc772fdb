import * as React from 'react';

import { basename, duration, moment, parameter, quantity } from '../format';
import { ISpeech } from '../locale';
import { toNumber } from '../wire';
import { IListedRun } from './shapes';

/** What a cell of the table is drawn from. */
export interface ICellProps {
  run: IListedRun;
  column: string;
  /** When it began, in words. */
  ago: string;
  /** Seconds until now, for one that is running. */
  elapsed: number | null;
  speech: ISpeech;
}

/** Whether a column stands at the right, as numbers do. */
export function isNumeric(column: string): boolean {
  return /^(metrics\.|params\.|started$|duration$)/.test(column);
}

/** The head of a column, in the words of the reader. */
export function columnTitle(column: string, { trans }: ISpeech): string {
  const titles: Record<string, string> = {
    name: trans.__('Name'),
    started: trans.__('Started'),
    duration: trans.__('Took'),
    kind: trans.__('Kind'),
    notebook: trans.__('Notebook'),
    note: trans.__('Note'),
    tags: trans.__('Tags')
  };
  return titles[column] ?? column.replace(/^(metrics|params)\./, '');
}

export function Cell(props: ICellProps): JSX.Element | null {
  const { run, column, ago, elapsed, speech } = props;
  switch (column) {
    case 'started':
      return (
        <time dateTime={run.started_at} title={moment(run.started_at, speech.locale)}>
          {ago}
        </time>
      );
    case 'duration':
      return <Duration seconds={run.duration_s ?? elapsed} />;
    case 'notebook':
      return <span title={run.notebook ?? ''}>{basename(run.notebook ?? '')}</span>;
    case 'note':
      return <span title={run.note}>{run.note}</span>;
    case 'kind':
      return <>{run.kind}</>;
    case 'tags':
      return (
        <>
          {run.tags.map(tag => (
            <span key={tag} className="mlx-Tag" title={tag}>
              {tag}
            </span>
          ))}
        </>
      );
    case 'spark':
      return <Spark values={run.spark ?? []} />;
    default:
      return <Value run={run} column={column} />;
  }
}

function Value({ run, column }: { run: IListedRun; column: string }): JSX.Element | null {
  const name = column.replace(/^(metrics|params)\./, '');
  if (column.startsWith('metrics.')) {
    const value = run.metrics[name];
    return value === undefined ? null : (
      <span title={`${name} = ${value}`}>{quantity(toNumber(value), 4)}</span>
    );
  }
  const value = run.params[name];
  return value === undefined ? null : (
    <span title={`${name} = ${parameter(value)}`}>
      {typeof value === 'number' ? quantity(value, 4) : parameter(value)}
    </span>
  );
}

/** The number as the rest of the row, its unit dimmed. */
function Duration({ seconds }: { seconds: number | null }): JSX.Element | null {
  if (seconds === null) {
    return null;
  }
  const parts = duration(seconds).split(/\s+([a-z]+)\s*/);
  return (
    <>
      {parts.map((part, i) =>
        i % 2 === 0 ? (
          part
        ) : (
          <span key={i} className="mlx-Unit">
            {` ${part} `}
          </span>
        )
      )}
    </>
  );
}

/** The shape of a metric, without axes. */
function Spark({ values }: { values: readonly (number | string)[] }): JSX.Element | null {
  const numbers = values.map(Number).filter(Number.isFinite);
  if (numbers.length < 2) {
    return null;
  }
  const low = Math.min(...numbers);
  const span = Math.max(...numbers) - low || 1;
  const points = numbers.map((value, i) => {
    const x = (60 * i) / (numbers.length - 1);
    return `${x.toFixed(1)},${(15 - (14 * (value - low)) / span).toFixed(1)}`;
  });
  return (
    <svg
      className="mlx-Spark"
      viewBox="0 0 60 16"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <polyline points={points.join(' ')} />
    </svg>
  );
}
