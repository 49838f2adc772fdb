/**
 * One stage: how it stands, what can be done, what it reads and writes.
 */
import * as React from 'react';

import { Facts } from '../components/run/Section';
import { useNow } from '../components/hooks';
import { ago, duration, moment } from '../format';
import { ISpeech } from '../locale';
import type { IStage, IStageRun } from './api';
import type { IPipelineHost } from './PipelineView';
import { StageIcon } from './StageIcon';
import { detailText, stateOf, stateText } from './words';

interface IProps {
  stage: IStage;
  host: IPipelineHost;
  isRunning: boolean;
}

export function Stage(props: IProps): JSX.Element {
  const { stage, host } = props;
  const { trans } = host.speech;
  const state = stateOf(stage);
  return (
    <section className="mlx-StagePage" aria-label={trans.__('Stage %1', stage.name)}>
      <h2 className="mlx-StagePage-name">
        <StageIcon state={state} trans={trans} />
        {stage.name}
      </h2>
      <p className="mlx-StagePage-state">
        {state === 'run' && `${stateText(state, trans)}: `}
        {detailText(stage, trans)}
      </p>
      {stage.run && <Progress run={stage.run} speech={host.speech} />}
      <Actions {...props} />
      <Story {...props} />
    </section>
  );
}

/** How far the stage is, or what went wrong. */
function Progress(props: { run: IStageRun; speech: ISpeech }): JSX.Element | null {
  const { run } = props;
  const { trans } = props.speech;
  const isRunning = run.status === 'running';
  const now = useNow(isRunning ? 1000 : null);
  if (!isRunning) {
    return run.error ? <pre className="mlx-StagePage-error">{run.error}</pre> : null;
  }
  const { cell, cells, line } = run.progress;
  const seconds = Math.max(0, (now - Date.parse(run.started_at)) / 1000);
  return (
    <div className="mlx-StagePage-progress">
      <progress
        className="mlx-Job-bar"
        aria-label={trans.__('Cells')}
        max={cells ?? 1}
        value={cells ? (cell ?? 1) - 1 : undefined}
      />
      <span>
        {cells ? trans.__('cell %1 of %2', cell ?? 1, cells) : trans.__('starting')}
        {' · '}
        {duration(seconds)}
      </span>
      {line && <code className="mlx-StagePage-said">{line}</code>}
    </div>
  );
}

function Actions({ stage, host, isRunning }: IProps): JSX.Element {
  const { trans } = host.speech;
  const { run, notebook } = stage;
  const isDone = run !== null && run.status !== 'running';
  const button = (
    label: string,
    title: string,
    disabled: boolean,
    onClick: () => void
  ) => (
    <button
      type="button"
      className="mlx-Data-action"
      title={title}
      disabled={disabled}
      onClick={onClick}
    >
      {label}
    </button>
  );
  const names = [stage.name];
  return (
    <div className="mlx-StagePage-actions">
      {button(
        trans.__('Run'),
        trans.__('Run this stage, and before it what it needs and is not up to date'),
        isRunning,
        () => host.start({ stages: names })
      )}
      {button(
        trans.__('Run From Here'),
        trans.__('Execute this stage, and all that depends on it'),
        isRunning,
        () => host.start({ from: names })
      )}
      {button(
        trans.__('Run Anew'),
        trans.__('Execute this stage, also where its result is known'),
        isRunning,
        () => host.start({ stages: names, force: true })
      )}
      {notebook &&
        button(trans.__('Notebook'), notebook, false, () => host.openFile(notebook))}
      {isDone &&
        run.status === 'failed' &&
        notebook &&
        button(
          trans.__('Failing Cell'),
          trans.__('Open the notebook at the cell that failed'),
          false,
          () => host.openFailedCell(stage)
        )}
      {isDone &&
        notebook &&
        button(
          trans.__('Executed Notebook'),
          trans.__('Open what was executed, with its outputs, as a new notebook'),
          false,
          () => host.openExecuted(run.id)
        )}
      {run &&
        button(
          trans.__('Log'),
          trans.__('Open the last run: what it printed, its files, its metrics'),
          false,
          () => host.openRun(run.id)
        )}
    </div>
  );
}

function Story({ stage, host }: IProps): JSX.Element {
  const { trans, locale } = host.speech;
  const { run } = stage;
  const now = useNow(20_000);
  const paths = (all: readonly string[]) =>
    all.map(path => (
      <button
        key={path}
        type="button"
        className="mlx-Link"
        onClick={() => host.openFile(path)}
      >
        {path}
      </button>
    ));
  const rows: (readonly [string, React.ReactNode])[] = [];
  if (stage.command) {
    rows.push([trans.__('Command'), <code key="command">{stage.command}</code>]);
  }
  if (stage.upstream.length > 0) {
    rows.push([
      trans.__('After'),
      stage.upstream.map(name => (
        <button
          key={name}
          type="button"
          className="mlx-Link"
          onClick={() => host.select(name)}
        >
          {name}
        </button>
      ))
    ]);
  }
  if (stage.inputs.length > 0) {
    rows.push([trans.__('Reads'), paths(stage.inputs)]);
  }
  if (stage.outputs.length > 0) {
    rows.push([trans.__('Writes'), paths(stage.outputs)]);
  }
  if (run) {
    rows.push([
      trans.__('Last run'),
      <span key="run" title={moment(run.started_at, locale)}>
        {ago(run.started_at, now, locale)}
        {run.duration_s !== null && `, ${duration(run.duration_s)}`}
      </span>
    ]);
  }
  rows.push([
    trans.__('Defined in'),
    <button
      key="line"
      type="button"
      className="mlx-Link"
      onClick={() => host.openFile('mlx.yaml', stage.line)}
    >
      {stage.line ? `mlx.yaml:${stage.line}` : 'mlx.yaml'}
    </button>
  ]);
  return <Facts label={trans.__('Facts of %1', stage.name)} rows={rows} />;
}
