import * as React from 'react';

import { Code } from '../components/run/Code';
import { Outputs } from '../components/run/Outputs';
import { StatusIcon } from '../components/StatusIcon';
import { ago, moment } from '../format';
import { Problem } from '../wire';
import type { IBadgeHost } from './Badge';
import { ICellRun } from './api';
import { codeOf, isChanged } from './change';

/** The runs of a cell, one at a time, the code and the outputs of then beside those of now. */
export function History(props: {
  last: ICellRun;
  source: () => string;
  host: IBadgeHost;
}): JSX.Element {
  const { last, host } = props;
  const { trans, locale } = host.speech;
  const [runs, setRuns] = React.useState<readonly ICellRun[]>([last]);
  const [shown, setShown] = React.useState<string | null>(null);
  const [problem, setProblem] = React.useState('');
  React.useEffect(() => {
    let isCurrent = true;
    host.history().then(
      found => isCurrent && found.length > 0 && setRuns(found),
      (caught: unknown) => isCurrent && setProblem(Problem.of(caught).message)
    );
    return () => {
      isCurrent = false;
    };
  }, [host, last]);
  // at first the run before the last: the last one is in the cell itself
  const found = runs.findIndex(run => run.id === shown);
  const at = found >= 0 ? found : Math.min(1, runs.length - 1);
  const run = runs[at] ?? last;
  const go = (by: number) => setShown(runs[at + by]?.id ?? run.id);
  return (
    <div className="mlx-History" role="region" aria-label={trans.__('Runs of this cell')}>
      <div className="mlx-History-bar">
        <button
          type="button"
          className="mlx-History-turn"
          disabled={at >= runs.length - 1}
          aria-label={trans.__('Older run')}
          title={trans.__('Older run')}
          onClick={() => go(1)}
        >
          ‹
        </button>
        <span className="mlx-History-place" role="status">
          {trans.__('%1 of %2', runs.length - at, runs.length)}
        </span>
        <button
          type="button"
          className="mlx-History-turn"
          disabled={at === 0}
          aria-label={trans.__('Newer run')}
          title={trans.__('Newer run')}
          onClick={() => go(-1)}
        >
          ›
        </button>
        <StatusIcon status={run.status} trans={trans} />
        <button type="button" className="mlx-Link" onClick={() => host.openRun(run.id)}>
          {run.name}
        </button>
        <time className="mlx-Badge-fact" title={moment(run.started_at, locale)}>
          {ago(run.started_at, Date.now(), locale)}
        </time>
        {problem && <span role="alert">{problem}</span>}
      </div>
      <div className="mlx-History-sides">
        <Side
          title={trans.__('Then')}
          run={run}
          source={codeOf(run.source)}
          host={host}
        />
        <Side
          title={trans.__('Now')}
          run={last}
          source={codeOf(props.source())}
          host={host}
        >
          {isChanged(props.source(), last.source) && (
            <p className="mlx-Badge-fact">
              {trans.__('The outputs are of the last run: the cell has changed since.')}
            </p>
          )}
        </Side>
      </div>
    </div>
  );
}

function Side(props: {
  title: string;
  run: ICellRun;
  source: string;
  host: IBadgeHost;
  children?: React.ReactNode;
}): JSX.Element {
  const { title, run, source, host } = props;
  const [outputs, setOutputs] = React.useState<readonly object[]>([]);
  const [problem, setProblem] = React.useState('');
  const { id, status } = run;
  React.useEffect(() => {
    let isCurrent = true;
    setProblem('');
    host.outputs(id).then(
      found => isCurrent && setOutputs(found),
      (caught: unknown) => isCurrent && setProblem(Problem.of(caught).message)
    );
    return () => {
      isCurrent = false;
    };
  }, [host, id, status]);
  return (
    <section className="mlx-History-side" aria-label={title}>
      <h3 className="mlx-History-title">{title}</h3>
      <Code
        source={source}
        label={host.speech.trans.__('Source code, %1', title)}
        languages={host.languages}
      />
      {props.children}
      {problem ? (
        <p role="alert">{problem}</p>
      ) : (
        <Outputs outputs={outputs} rendermime={host.rendermime} />
      )}
    </section>
  );
}
