import * as React from 'react';

import { Asked, useAsked, useSignal } from '../components/hooks';
import { Waiting } from '../components/Lacking';
import { Chart } from '../components/run/Chart';
import { CurveControls } from '../components/run/CurveControls';
import { IRunHost } from '../components/run/RunView';
import { Section } from '../components/run/Section';
import { UnifiedDifference } from '../components/run/Story';
import { ICurveView, PLAIN } from '../curves';
import { CompareApi } from './api';
import { CodeDifference } from './CodeDifference';
import { Explore } from './Explore';
import { Figures } from './Figures';
import { CompareModel } from './model';
import { colourOf, labelsOf } from './table';
import { Findings, RunName, RunsTable } from './Tables';
import { IBeside, IComparison } from './wire';

const MOST_CHARTS = 24;

/** What a comparison takes from JupyterLab. */
export type CompareHost = Pick<IRunHost, 'speech' | 'languages' | 'page' | 'openRun'> & {
  readonly api: CompareApi;
};

/** Runs compared: what differs first. */
export function CompareView(props: {
  model: CompareModel;
  host: CompareHost;
}): JSX.Element {
  const { model, host } = props;
  const { trans } = host.speech;
  useSignal(model.changed);
  const { state, round } = model;
  switch (state.kind) {
    case 'loading':
    case 'failed':
      return (
        <Waiting
          state={state}
          failure={trans.__('The runs could not be compared')}
          trans={trans}
          onRetry={() => model.refresh()}
        />
      );
    case 'ready':
      return <Compared beside={state.beside} round={round} host={host} />;
  }
}

interface IComparedProps {
  beside: IBeside;
  /** With another one, what is asked for beside `beside` may be another. */
  round: number;
  host: CompareHost;
}

function Compared({ beside, round, host }: IComparedProps): JSX.Element {
  const { trans } = host.speech;
  const { runs } = beside;
  const labels = labelsOf(runs);
  const [pair, setPair] = React.useState<readonly [number, number]>([0, 1]);
  const [a, b] = [runs[pair[0]], runs[pair[1]]];
  const close = useAsked(
    () => (a && b && a !== b ? host.page.pair(a.id, b.id) : Promise.resolve(null)),
    `${a?.id} ${b?.id}`,
    round
  );
  return (
    <div className="mlx-Run mlx-Compare">
      <header>
        <h1 className="mlx-Header-name">{trans.__('%1 runs compared', runs.length)}</h1>
        {runs.length > 2 ? (
          <PairChoice
            runs={runs}
            labels={labels}
            pair={pair}
            host={host}
            onChoose={setPair}
          />
        ) : (
          <p className="mlx-Compare-pair">
            {runs.map((run, at) => (
              <React.Fragment key={run.id}>
                {at > 0 && <span aria-hidden="true">→</span>}
                <RunName
                  run={run}
                  label={labels[at] ?? ''}
                  at={at}
                  onOpen={host.openRun}
                />
              </React.Fragment>
            ))}
          </p>
        )}
      </header>
      <PairDifferences asked={close} host={host} />
      <Values beside={beside} host={host} />
      <OverlaidCurves beside={beside} round={round} host={host} />
      {a && b && a !== b && (
        <>
          {close.kind !== 'loading' && (
            <CodeDifference
              a={a}
              b={b}
              changes={close.kind === 'ready' ? (close.value?.cells ?? null) : null}
              title={trans.__('Code')}
              page={host.page}
              languages={host.languages}
              speech={host.speech}
            />
          )}
          <Figures a={a.id} b={b.id} round={round} page={host.page} trans={trans} />
        </>
      )}
      {runs.length > 2 && (
        <Explore
          api={host.api}
          query=""
          ids={runs.map(run => run.id)}
          round={round}
          speech={host.speech}
          onOpen={host.openRun}
        />
      )}
    </div>
  );
}

function PairChoice(props: {
  runs: IBeside['runs'];
  labels: readonly string[];
  pair: readonly [number, number];
  host: CompareHost;
  onChoose: (pair: readonly [number, number]) => void;
}): JSX.Element {
  const { runs, labels, pair, host, onChoose } = props;
  const { trans } = host.speech;
  const choice = (label: string, at: number, choose: (at: number) => void) => (
    <label>
      <i className="mlx-Swatch" style={{ background: colourOf(at) }} />
      {label}
      <select value={at} onChange={event => choose(Number(event.target.value))}>
        {runs.map((run, place) => (
          <option key={run.id} value={place}>
            {labels[place]}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <div
      className="mlx-Controls"
      role="group"
      aria-label={trans.__('The two that are compared closely')}
    >
      {choice(trans.__('A'), pair[0], at => onChoose([at, pair[1]]))}
      {choice(trans.__('B'), pair[1], at => onChoose([pair[0], at]))}
    </div>
  );
}

/** What differs of two, and what differs inside what they read and printed. */
function PairDifferences(props: {
  asked: Asked<IComparison | null>;
  host: CompareHost;
}): JSX.Element | null {
  const { asked, host } = props;
  const { trans } = host.speech;
  if (asked.kind === 'failed') {
    return <p className="mlx-Problem">{asked.message}</p>;
  }
  if (asked.kind === 'loading') {
    return <div aria-busy="true" />;
  }
  if (asked.value === null) {
    return null;
  }
  const { ranked, same, data, text } = asked.value;
  return (
    <>
      <Section
        title={trans.__('What differs')}
        aside={trans.__('what most likely explains another result first')}
      >
        <Findings findings={ranked} same={same} trans={trans} />
      </Section>
      {data.length > 0 && (
        <Section title={trans.__('Inside the data')}>
          {data.map(detail => (
            <UnifiedDifference
              key={detail.path}
              lines={detail.lines}
              label={trans.__('What differs in %1', detail.path)}
            />
          ))}
        </Section>
      )}
      {text.length > 0 && (
        <Section title={trans.__('Printed')}>
          <UnifiedDifference
            lines={text}
            label={trans.__('What differs in what was printed')}
          />
        </Section>
      )}
    </>
  );
}

function Values({ beside, host }: Omit<IComparedProps, 'round'>): JSX.Element {
  const { trans } = host.speech;
  const [onlyDiffering, setOnly] = React.useState(true);
  return (
    <Section title={trans.__('Values')}>
      <div className="mlx-Controls">
        <label>
          <input
            type="checkbox"
            checked={onlyDiffering}
            onChange={event => setOnly(event.target.checked)}
          />
          {trans.__('only what differs')}
        </label>
      </div>
      <RunsTable
        beside={beside}
        onlyDiffering={onlyDiffering}
        trans={trans}
        onOpen={host.openRun}
      />
    </Section>
  );
}

/** Each metric with steps, a line a run. */
function OverlaidCurves(props: IComparedProps): JSX.Element | null {
  const { beside, round, host } = props;
  const { trans } = host.speech;
  const [view, setView] = React.useState<ICurveView>(PLAIN);
  const ids = beside.runs.map(run => run.id);
  const labels = labelsOf(beside.runs);
  const names = [...new Set(beside.runs.flatMap(run => Object.keys(run.metrics)))].slice(
    0,
    MOST_CHARTS
  );
  const asked = useAsked(
    () => Promise.all(names.map(name => host.api.curves(ids, name))),
    ids.join(','),
    `${names.join('\n')} ${round}`
  );
  const found = asked.kind === 'ready' ? asked.value : null;
  const charts = React.useMemo(
    () =>
      (found ?? [])
        .map(({ curves }) =>
          curves
            .map(({ id, points }, at) => ({
              id,
              label: labels[at] ?? id,
              points,
              colour: colourOf(at)
            }))
            .filter(({ points }) => points.length > 0)
        )
        .map((lines, at) => ({ name: names[at] ?? '', lines }))
        .filter(({ lines }) => lines.some(({ points }) => points.length > 1)),
    // the names are those that were asked for
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [found]
  );
  if (charts.length === 0) {
    return null;
  }
  return (
    <Section title={trans.__('Curves')}>
      <CurveControls view={view} trans={trans} onChange={setView} />
      <div className="mlx-Charts">
        {charts.map(({ name, lines }) => (
          <Chart key={name} name={name} lines={lines} view={view} speech={host.speech} />
        ))}
      </div>
    </Section>
  );
}
