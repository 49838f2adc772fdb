import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { parameter, quantity, shortDigest } from '../format';
import { IRun } from '../wire';
import {
  colourOf,
  difference,
  IRow,
  labelsOf,
  numberOf,
  rowsOf,
  valueText
} from './table';
import { IBeside, IFinding, ISides } from './wire';
import { countText, kindText } from './words';

const MOST_FINDINGS = 60;
const MOST_CHANGES = 8;

/** Params, metrics and the rest of several runs, a column a run; the first is what the others are compared with. */
export function RunsTable(props: {
  beside: IBeside;
  onlyDiffering: boolean;
  trans: TranslationBundle;
  onOpen: (id: string) => void;
}): JSX.Element {
  const { beside, onlyDiffering, trans, onOpen } = props;
  const { runs } = beside;
  const labels = labelsOf(runs);
  const groups: readonly (readonly [string, readonly IRow[], boolean])[] = [
    [trans.__('Metrics'), rowsOf(runs, 'metrics'), true],
    [trans.__('Parameters'), rowsOf(runs, 'params'), true],
    [trans.__('Files read'), sides(beside.inputs, shortFile), false],
    [trans.__('Seeds'), sides(beside.seeds), false],
    [trans.__('Packages'), sides(beside.packages), false]
  ];
  const isShown = (row: IRow) => row.differs || !onlyDiffering;
  if (!groups.some(([, rows]) => rows.some(isShown))) {
    return <p className="mlx-Section-note">{trans.__('No value differs.')}</p>;
  }
  return (
    <div
      className="mlx-CompareTable"
      tabIndex={0}
      role="region"
      aria-label={trans.__('Values of the runs')}
    >
      <table>
        <thead>
          <tr>
            <th scope="col">{trans.__('Run')}</th>
            {runs.map((run, at) => (
              <th key={run.id} scope="col">
                <RunName run={run} label={labels[at] ?? ''} at={at} onOpen={onOpen} />
              </th>
            ))}
          </tr>
        </thead>
        {groups.map(([title, rows, hasDelta]) => {
          const shown = rows.filter(isShown);
          return shown.length === 0 ? null : (
            <tbody key={title}>
              <tr>
                <th
                  scope="rowgroup"
                  colSpan={runs.length + 1}
                  className="mlx-CompareTable-group"
                >
                  {title}
                </th>
              </tr>
              {shown.map(row => (
                <tr key={row.name}>
                  <th scope="row" title={row.name}>
                    {row.name}
                  </th>
                  {row.values.map((value, at) => (
                    <Value
                      key={runs[at]?.id}
                      value={value}
                      base={row.values[0]}
                      hasDelta={hasDelta && at > 0 && hasNumbers(row)}
                      differs={row.differs}
                    />
                  ))}
                </tr>
              ))}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}

/** The name of a run with its colour; a click opens it. */
export function RunName(props: {
  run: IRun;
  label: string;
  at: number;
  onOpen: (id: string) => void;
}): JSX.Element {
  const { run, label, at, onOpen } = props;
  return (
    <button
      type="button"
      className="mlx-Link mlx-RunName"
      title={`${run.name}\n${run.id}`}
      onClick={() => onOpen(run.id)}
    >
      <i className="mlx-Swatch" style={{ background: colourOf(at) }} />
      {label}
    </button>
  );
}

function Value(props: {
  value: unknown;
  base: unknown;
  hasDelta: boolean;
  differs: boolean;
}): JSX.Element {
  const { value, base, hasDelta, differs } = props;
  return (
    <td className={differs ? 'mlx-mod-differs' : undefined} title={parameter(value)}>
      <span>{valueText(value)}</span>
      {hasDelta && <Delta value={difference(value, base)} />}
    </td>
  );
}

/** A signed difference, or its room; which way is better is not known, so the colour says the direction alone. */
export function Delta({ value }: { value: number | null }): JSX.Element {
  const way = value === null ? '' : value > 0 ? 'mlx-mod-more' : 'mlx-mod-less';
  return (
    <span className={`mlx-Delta ${way}`}>
      {value !== null && value > 0 && '+'}
      {value !== null && quantity(Number(value.toPrecision(3)), 3)}
    </span>
  );
}

/** What most likely explains another result first. */
export function Findings(props: {
  findings: readonly IFinding[];
  same: Readonly<Record<string, number>>;
  trans: TranslationBundle;
}): JSX.Element {
  const { findings, same, trans } = props;
  const equal = Object.entries(same)
    .map(([kind, count]) => countText(kind, count, trans))
    .join(', ');
  return (
    <>
      {findings.length === 0 ? (
        <p>{trans.__('Nothing differs.')}</p>
      ) : (
        <ol className="mlx-Findings" aria-label={trans.__('Differences')}>
          {findings.slice(0, MOST_FINDINGS).map(finding => (
            <li key={`${finding.kind} ${finding.name}`}>
              <span className="mlx-Findings-kind">{kindText(finding.kind, trans)}</span>
              <span className="mlx-Findings-name" title={finding.name}>
                {finding.name}
              </span>
              <span className="mlx-Findings-sides">
                {finding.a === null && finding.b === null ? null : (
                  <span>{sidesText(finding)}</span>
                )}
                {finding.delta !== null ? (
                  <Delta value={finding.delta} />
                ) : (
                  finding.note && (
                    <span className="mlx-Section-aside">{finding.note}</span>
                  )
                )}
              </span>
            </li>
          ))}
        </ol>
      )}
      {findings.length > MOST_FINDINGS && (
        <p className="mlx-Section-aside">
          {trans.__('and %1 more', findings.length - MOST_FINDINGS)}
        </p>
      )}
      {equal && <p className="mlx-Findings-same">{trans.__('The same: %1', equal)}</p>}
    </>
  );
}

function sidesText({ a, b, kind }: IFinding): string {
  const isLong = (value: unknown): value is unknown[] =>
    Array.isArray(value) && value.length > 3;
  const changes =
    isLong(a) && isLong(b) ? changesText(a.map(valueText), b.map(valueText)) : '';
  if (changes) {
    return changes;
  }
  const text = (value: unknown) => {
    const whole = valueText(value);
    return kind === 'input' || kind === 'output' || kind === 'figure'
      ? shortDigest(whole)
      : whole.length > 60
        ? `${whole.slice(0, 60)}…`
        : whole;
  };
  return `${text(a)} → ${text(b)}`;
}

/** Of long lists, which look the same at their beginnings, what came and what went. */
function changesText(a: readonly string[], b: readonly string[]): string {
  const [before, after] = [new Set(a), new Set(b)];
  const changes = [
    ...a.filter(item => !after.has(item)).map(item => `−${item}`),
    ...b.filter(item => !before.has(item)).map(item => `+${item}`)
  ];
  const more = changes.length - MOST_CHANGES;
  return changes.slice(0, MOST_CHANGES).join(' ') + (more > 0 ? ` … ${more}` : '');
}

function sides(
  found: readonly ISides[],
  text: (value: unknown) => unknown = value => value
): readonly IRow[] {
  return found.map(({ name, values }) => ({
    name,
    values: values.map(text),
    differs: true
  }));
}

function hasNumbers(row: IRow): boolean {
  return row.differs && row.values.some(value => numberOf(value) !== null);
}

function shortFile(value: unknown): unknown {
  return typeof value === 'string' ? shortDigest(value) : value;
}
