/**
 * The pipeline: the graph with states and reasons, the stage that is looked at, the sweeps.
 */
import * as React from 'react';

import { useSignal } from '../components/hooks';
import { LackingNotice } from '../components/Lacking';
import { Notice } from '../components/Notice';
import { pipelineIcon } from '../icons';
import { IJob } from '../jobs';
import { ISpeech } from '../locale';
import type { IStage, IStart, PipelineApi } from './api';
import { Graph } from './Graph';
import type { PipelineModel, PipelineState } from './model';
import { Stage } from './Stage';
import { Sweeps } from './Sweeps';
import { faultOf, stateOf } from './words';

/** What the view does with the world around it; what goes wrong is told by the host. */
export interface IPipelineHost {
  readonly speech: ISpeech;
  readonly api: Pick<PipelineApi, 'points'>;
  start(which: IStart): void;
  /** Make a project of the server's folder. */
  create(): void;
  select(name: string): void;
  openRun(id: string): void;
  openExecuted(run: string): void;
  openFailedCell(stage: IStage): void;
  /** A file of the project, at a line where one is given. */
  openFile(path: string, line?: number): void;
}

const EXAMPLE = `stages:
  train:
    notebook: train.ipynb
    inputs: [data/train.csv]
    outputs: [models]`;

export function PipelineView(props: {
  model: PipelineModel;
  host: IPipelineHost;
}): JSX.Element {
  const { model, host } = props;
  useSignal(model.changed);
  const { state } = model;
  // what went wrong stands first; what is said meanwhile moves nothing
  const isBad = model.job?.state === 'failed' || model.job?.state === 'stopped';
  return (
    <div className="mlx-Pipeline">
      {model.job && isBad && <JobNote job={model.job} model={model} host={host} />}
      {state.kind === 'ready' && state.stages.length > 0 ? (
        <Ready state={state} model={model} host={host} />
      ) : (
        <Without state={state} model={model} host={host} />
      )}
      {model.job && !isBad && <JobNote job={model.job} model={model} host={host} />}
    </div>
  );
}

function Ready(props: {
  state: PipelineState & { kind: 'ready' };
  model: PipelineModel;
  host: IPipelineHost;
}): JSX.Element {
  const { state, model, host } = props;
  const { selected } = model;
  return (
    <>
      <Summary stages={state.stages} speech={host.speech} />
      <div className="mlx-Pipeline-sides">
        <Graph
          stages={state.stages}
          selected={selected?.name ?? null}
          speech={host.speech}
          onSelect={name => host.select(name)}
        />
        {selected && <Stage stage={selected} host={host} isRunning={model.isRunning} />}
      </div>
      {state.sweeps.length > 0 && <Sweeps sweeps={state.sweeps} host={host} />}
    </>
  );
}

/** How many stages there are in each state that wants attention. */
function Summary(props: { stages: readonly IStage[]; speech: ISpeech }): JSX.Element {
  const { stages } = props;
  const { trans } = props.speech;
  const states = stages.map(stateOf);
  const count = (...wanted: string[]) =>
    states.filter(state => wanted.includes(state)).length;
  const parts = [
    trans._n('%1 stage', '%1 stages', stages.length),
    count('running') > 0 && trans.__('%1 running', count('running')),
    count('failed') > 0 && trans.__('%1 failed', count('failed')),
    count('run', 'interrupted') > 0 && trans.__('%1 to run', count('run', 'interrupted')),
    count('cached') === stages.length && trans.__('all up to date')
  ];
  return (
    <p className="mlx-Pipeline-summary" role="status">
      {parts.filter(Boolean).join(' · ')}
    </p>
  );
}

/** What a `jmlx run` of this server came to, and what it says while it goes on. */
function JobNote(props: {
  job: IJob;
  model: PipelineModel;
  host: IPipelineHost;
}): JSX.Element | null {
  const { job, model, host } = props;
  const { trans } = host.speech;
  const said = job.said.length > 0 && (
    <details className="mlx-Details">
      <summary>{trans.__('What it said')}</summary>
      <pre className="mlx-Code" tabIndex={0}>
        {job.said.join('\n')}
      </pre>
    </details>
  );
  if (job.state === 'running' || job.state === 'done') {
    return said ? <div className="mlx-Pipeline-job">{said}</div> : null;
  }
  return (
    <div className="mlx-Pipeline-job mlx-mod-failed">
      <div className="mlx-Job mlx-mod-failed" role="alert">
        <span>
          {job.state === 'stopped'
            ? trans.__('The run was stopped; the next one goes on from there')
            : job.problem}
        </span>
        <button type="button" className="mlx-Data-action" onClick={() => model.dismiss()}>
          {trans.__('Close')}
        </button>
      </div>
      {said}
    </div>
  );
}

/** There is no graph to show: why, and what to do. */
function Without(props: {
  state: PipelineState;
  model: PipelineModel;
  host: IPipelineHost;
}): JSX.Element {
  const { state, model, host } = props;
  const { trans } = host.speech;
  if (state.kind === 'ready') {
    return (
      <Notice
        icon={pipelineIcon}
        title={trans.__('No pipeline yet')}
        code={EXAMPLE}
        action={{
          label: trans.__('Open mlx.yaml'),
          run: () => host.openFile('mlx.yaml', 0)
        }}
      >
        {trans.__(
          'Stages in mlx.yaml make one of your notebooks: each runs when what it reads, its code or its parameters changed.'
        )}
      </Notice>
    );
  }
  const fault = state.kind === 'failed' ? faultOf(state.message) : null;
  const mend = fault
    ? {
        label: trans.__('Open %1', fault.file),
        run: () => host.openFile(fault.file, fault.line)
      }
    : undefined;
  return (
    <LackingNotice
      state={state}
      icon={pipelineIcon}
      trans={trans}
      purpose={trans.__(
        'A pipeline belongs to a project: a folder with an mlx.yaml. Make one of the folder of this server; in a terminal it is:'
      )}
      unknown={trans.__('The server knows no pipelines')}
      failure={trans.__('The pipeline cannot be read')}
      mend={mend}
      onRetry={() => model.refresh()}
      onCreate={() => host.create()}
    />
  );
}
